#!/bin/bash -e
# Installs minismbd from files/minismbd_*_arm64.deb (npm run package -- deb arm64). Nothing secret is made here: user,
# password and SID are made by minismbd-setup.service at the first start of each board.

install -v -m 755 -d "${ROOTFS_DIR}/usr/local/lib/minismbd"
install -v -m 755 files/minismbd-mount-disk "${ROOTFS_DIR}/usr/local/lib/minismbd/mount-disk"
install -v -m 644 files/90-minismbd-disks.rules "${ROOTFS_DIR}/etc/udev/rules.d/"
install -v -m 644 files/minismbd_*_arm64.deb "${ROOTFS_DIR}/tmp/minismbd.deb"

on_chroot << EOF
dpkg --install /tmp/minismbd.deb
systemctl enable minismbd-setup.service minismbd-setup.path
EOF

rm -f "${ROOTFS_DIR}/tmp/minismbd.deb"
# The web page, for the local network, from the first start on.
install -d -m 755 "${ROOTFS_DIR}/etc/default"
printf 'MINISMBD_SETUP_OPTIONS=--web-port 8443\n' >"${ROOTFS_DIR}/etc/default/minismbd"
# What a start in the build would have made.
rm -f "${ROOTFS_DIR}/etc/ksmbd/ksmbd.subauth" "${ROOTFS_DIR}/etc/ksmbd/ksmbdpwd.db" \
	"${ROOTFS_DIR}/etc/ksmbd/ksmbd.setup" "${ROOTFS_DIR}/etc/ksmbd/ksmbd.setup-done"
