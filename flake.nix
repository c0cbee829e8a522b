{
  description = "Device-independent quantum key distribution on trapped ions";

  # ARTIQ brings its own nixpkgs; following it keeps one Qt, one numpy and one LLVM in the environment.
  inputs.artiq.url = "github:m-labs/artiq/a1bf0e1d5f60dc483893b16c5ba89666e7e35462"; # release-8
  inputs.artiq9.url = "github:m-labs/artiq/3740b92e1c3b74ca1262a2e4cb22d7b87743c4cb"; # 9-beta
  inputs.nixpkgs.follows = "artiq/nixpkgs";
  inputs.nixpkgs9.follows = "artiq9/nixpkgs";
  # Driver of the heralding gateware (GPL); needed with hardware, not by the emulated apparatus.
  inputs.entangler-core = {
    url = "github:OxfordIonTrapGroup/entangler-core/5d0f3bc022666d49cc3361e60881aeb547c425df";
    flake = false;
  };

  outputs = { self, nixpkgs, nixpkgs9, artiq, artiq9, entangler-core }:
    let
      system = "x86_64-linux";

      environment = nixpkgs: artiqFlake:
        let
          pkgs = import nixpkgs { inherit system; };
          inherit (pkgs) lib;
          artiqPackage = artiqFlake.packages.${system}.artiq;

          # numba must use the very llvmlite that ARTIQ's compiler uses: both live in one interpreter.
          artiqLlvmlite = lib.findFirst (p: (p.pname or "") == "llvmlite") null artiqPackage.propagatedBuildInputs;
          python = pkgs.python3.override {
            packageOverrides = final: prev:
              lib.optionalAttrs (artiqLlvmlite != null) { llvmlite = artiqLlvmlite; };
          };
          py = python.pkgs;

          pyldpc = py.buildPythonPackage rec {
            pname = "pyldpc";
            version = "0.7.9";
            pyproject = true;
            src = pkgs.fetchPypi {
              inherit pname version;
              hash = "sha256-Nv/KIYPSQhYX9dzD3M51kAIGitq4jBl24IONThcjoc8=";
            };
            build-system = [ py.setuptools py.numpy ];
            dependencies = [ py.numpy py.scipy py.numba ];
            doCheck = false;
          };

          # Only tests use it: a client of the key delivery interface that nobody here wrote.
          etsiClient = py.buildPythonPackage rec {
            pname = "etsi-qkd-014-client";
            version = "0.9.0";
            pyproject = true;
            src = pkgs.fetchPypi {
              pname = "etsi_qkd_014_client";
              inherit version;
              hash = "sha256-j95YQqDI6q60+8eHfiwXIw2WEnss5mY5m6S9FOyw/uY=";
            };
            build-system = [ py.poetry-core ];
            dependencies = [ py.requests ];
            doCheck = false;
          };

          # Only benchmarks use it, as a peer; of its requirements its sinter plug-in alone needs pymatching.
          ldpc = py.buildPythonPackage rec {
            pname = "ldpc";
            version = "2.4.1";
            pyproject = true;
            src = pkgs.fetchPypi {
              inherit pname version;
              hash = "sha256-cpN2Amr05G5VDDMxUvBz3PQiJFiTgNMJ84kj4Ac2zro=";
            };
            build-system = [ py.setuptools py.cython py.numpy ];
            dependencies = [ py.numpy py.scipy py.tqdm py.stim py.sinter ];
            dontCheckRuntimeDeps = true;
            doCheck = false;
          };

          entangler = py.buildPythonPackage {
            pname = "entangler";
            version = "0.1";
            pyproject = true;
            src = entangler-core;
            build-system = [ py.setuptools ];
            doCheck = false;
          };

          diqkd = py.buildPythonPackage {
            pname = "diqkd";
            version = "0.1.0";
            pyproject = true;
            src = self;
            build-system = [ py.setuptools ];
            dependencies = [ pyldpc py.numpy py.scipy py.numba py.h5py py.jinja2 py.msgpack py.pyzmq py.matplotlib py.rich py.psutil py.mpmath py.aiohttp py.cryptography ];
            doCheck = false; # the flake's checks run the tests, with ARTIQ and without
          };

          documentation = [ py.sphinx py.furo py.myst-parser py.latex2mathml ];
          tools = [ py.pytest py.pytest-xdist py.pytest-randomly py.hypothesis py.distributed py.pyelftools py.schemathesis etsiClient ]
            ++ documentation;
          withArtiq = python.withPackages (_: [ artiqPackage diqkd entangler ] ++ diqkd.dependencies ++ tools);
          withoutArtiq = python.withPackages (_: [ diqkd ] ++ diqkd.dependencies ++ tools);
          withPeers = python.withPackages (_: [ diqkd ldpc ] ++ diqkd.dependencies ++ tools);

          site = pkgs.runCommand "diqkd-docs" { } ''
            cp -r ${self} source && chmod -R u+w source && cd source
            export HOME=$TMPDIR
            ${withoutArtiq}/bin/python -m sphinx -W -q -b html docs $out
          '';
        in
        { inherit pkgs pyldpc ldpc entangler diqkd withArtiq withoutArtiq withPeers site; };

      release8 = environment nixpkgs artiq;
      beta9 = environment nixpkgs9 artiq9;

      shell = env: env.pkgs.mkShell {
        name = "diqkd";
        packages = [ env.withArtiq env.pkgs.ruff env.pkgs.mypy env.pkgs.gnumake env.pkgs.curl ];
      };

      command = env: name: text: {
        type = "app";
        program = "${env.pkgs.writeShellScript "diqkd-${name}" text}";
      };
    in
    {
      packages.${system} = {
        default = release8.withArtiq;
        artiq9 = beta9.withArtiq;
        bench = release8.withPeers;
        docs = release8.site;
        inherit (release8) diqkd pyldpc ldpc entangler;
      };

      devShells.${system} = {
        default = shell release8;
        artiq9 = shell beta9;
      };

      apps.${system} = rec {
        default = demo;
        demo = command release8 "demo" ''exec ${release8.withoutArtiq}/bin/diqkd demo "$@"'';
        lab = command release8 "lab" ''exec ${release8.withArtiq}/bin/diqkd lab "$@"'';
        bench = command release8 "bench" ''exec ${release8.withPeers}/bin/python -m benchmarks "$@"'';
        test = command release8 "test" ''exec ${release8.withArtiq}/bin/pytest "$@"'';
      };

      checks.${system} = {
        docs = release8.site;
        tests = release8.pkgs.runCommand "diqkd-tests" { nativeBuildInputs = [ release8.pkgs.curl ]; } ''
          cp -r ${self} source && chmod -R u+w source && cd source
          export HOME=$TMPDIR
          ${release8.withoutArtiq}/bin/pytest -n 2 --dist loadfile
          touch $out
        '';
        tests-with-artiq = release8.pkgs.runCommand "diqkd-tests-with-artiq" { nativeBuildInputs = [ release8.pkgs.curl ]; } ''
          cp -r ${self} source && chmod -R u+w source && cd source
          export HOME=$TMPDIR
          ${release8.withArtiq}/bin/pytest -n 2 --dist loadfile
          touch $out
        '';
      };
    };
}
