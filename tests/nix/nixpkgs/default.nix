# Enough of nixpkgs, without a network, for every output of flake.nix to evaluate to names.
{ system }:
let
  drv = name: extra: { inherit name; type = "derivation"; outPath = "/nix/store/stub-${name}"; pname = name; } // extra;
  libraries = [
    "setuptools" "numpy" "scipy" "numba" "h5py" "jinja2" "msgpack" "pyzmq" "matplotlib" "rich" "psutil" "mpmath" "aiohttp"
    "cryptography" "requests" "poetry-core" "pytest" "pytest-xdist" "pytest-randomly" "hypothesis" "distributed"
    "schemathesis" "pyelftools" "sphinx" "furo" "myst-parser" "latex2mathml" "cython" "tqdm" "stim" "sinter"
  ];
  python = overrides: rec {
    pkgs = builtins.listToAttrs (map (name: { inherit name; value = drv name { }; }) libraries)
      // { buildPythonPackage = given: drv given.pname ({ dependencies = [ ]; } // given); }
      // overrides;
    override = { packageOverrides }: python (packageOverrides pkgs pkgs);
    withPackages = select: drv "python-env" {
      packages = builtins.concatMap (package: [ package.name ] ++ map (p: p.name) (package.propagatedBuildInputs or [ ])) (select pkgs);
      llvmlite = overrides.llvmlite.version or "nixpkgs";
    };
  };
in
{
  lib = {
    optionalAttrs = condition: set: if condition then set else { };
    findFirst = test: default: list:
      let found = builtins.filter test list; in if found == [ ] then default else builtins.head found;
  };
  python3 = python { };
  fetchPypi = { pname, version, hash }: drv "${pname}-${version}.tar.gz" { inherit hash; };
  mkShell = given: drv given.name { packages = map (package: package.name) given.packages; };
  writeShellScript = name: text: "/nix/store/stub-${name}";
  runCommand = name: environment: script: drv name { inherit script; };
  ruff = drv "ruff" { };
  mypy = drv "mypy" { };
  gnumake = drv "gnumake" { };
  curl = drv "curl" { };
}
