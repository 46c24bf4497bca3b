#!/bin/sh
# prepare.sh PI-GEN PACKAGE.deb: puts the stage into a checkout of pi-gen (branch arm64), with the package and the files
# that it installs. Then, there: STAGE_LIST="stage0 stage1 stage2 stage-minismbd" in `config`, touch stage2/SKIP_IMAGES,
# ./build-docker.sh
set -eu
cd "$(dirname "$0")"
PI_GEN="${1:?the directory of pi-gen}"
PACKAGE="${2:?minismbd_VERSION_arm64.deb}"
STAGE="$PI_GEN/stage-minismbd"
cp -r stage-minismbd "$PI_GEN/"
mkdir -p "$STAGE/00-install/files"
cp ../images/usb-disks/* "$PACKAGE" "$STAGE/00-install/files/"
chmod 755 "$STAGE/prerun.sh" "$STAGE/00-install/01-run.sh"
