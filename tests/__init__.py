"""A package, so that pytest leaves this folder off the path, where tests/artiq would be found as `artiq`."""
