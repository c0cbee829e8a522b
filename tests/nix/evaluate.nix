# Every output of the flake, with stub inputs: `nix-instantiate --eval --strict --json tests/nix/evaluate.nix`.
let
  package = name: extra: { inherit name; pname = name; outPath = "/nix/store/stub-${name}"; } // extra;
  artiq = llvmlite: {
    packages.x86_64-linux.artiq = package "artiq" {
      propagatedBuildInputs = [ (package "qtsvg" { }) (package "sipyco" { }) (package "llvmlite" { version = llvmlite; }) ];
    };
  };
  outputs = (import ../../flake.nix).outputs {
    self = { outPath = "/nix/store/stub-source"; };
    nixpkgs = ./nixpkgs;
    nixpkgs9 = ./nixpkgs;
    artiq = artiq "0.44";
    artiq9 = artiq "0.45";
    entangler-core = "/nix/store/stub-entangler";
  };
  each = select: builtins.mapAttrs (name: select) ;
in
{
  kinds = builtins.attrNames outputs;
  packages = each (p: { inherit (p) name; packages = p.packages or [ ]; llvmlite = p.llvmlite or ""; dependencies = map (d: d.name) (p.dependencies or [ ]); }) outputs.packages.x86_64-linux;
  devShells = each (s: s.packages) outputs.devShells.x86_64-linux;
  apps = each (a: a.program) outputs.apps.x86_64-linux;
  checks = each (c: c.script) outputs.checks.x86_64-linux;
}
