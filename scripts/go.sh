# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts that need Go: where it is, and the Centrifugo that sanjay is held against.

go_home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build/conformance/go
centrifugo_version=v6.9.1

# use_go: the Go that scripts/deps fetched, where it had to.
use_go() {
  if [[ -x $go_home/bin/go ]]; then
    export PATH=$go_home/bin:$PATH GOROOT=$go_home
  fi
  export GOTOOLCHAIN=local
}

# install_centrifugo FOLDER: builds FOLDER/centrifugo, an absolute path, unless it is there.
install_centrifugo() {
  if ! go version -m "$1/centrifugo" 2>/dev/null | grep -q "$centrifugo_version"; then
    GOBIN=$1 go install "github.com/centrifugal/centrifugo/v6@$centrifugo_version"
  fi
}
