"""Drivers of an emulated core device: constructor and method signatures of artiq.coredevice, plain Python inside."""
