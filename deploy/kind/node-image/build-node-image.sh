#!/bin/bash
# Build the kind node image ($NODE_IMAGE) from Debian packages and the
# programs of build-kubernetes.sh.  Needs a running Docker daemon
# (host-setup.sh).  Safe to run again: the debootstrap result is kept.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

BIN=$CACHE/bin
ROOT=$CACHE/rootfs               # the node's file system, made anew every time and not kept
PARTS=$CACHE/parts               # root directories of the container images

for p in kubeadm kind-addons; do [ -x "$BIN/$p" ] || die "run build-kubernetes.sh first"; done
docker info >/dev/null 2>&1 || die "no Docker daemon: run host-setup.sh first"
install_packages debootstrap python3 dpkg-dev

# --- Debian ----------------------------------------------------------------
packages=(systemd systemd-sysv iproute2 iptables conntrack ethtool socat mount kmod procps
  ca-certificates curl iputils-ping containerd runc containernetworking-plugins)
base=$CACHE/base-$SUITE.tar
if [ ! -e "$base" ] || [ "$(cat "$base.packages" 2>/dev/null)" != "${packages[*]}" ]; then
  say "debootstrap $SUITE"
  rm -rf "$CACHE/debootstrap"
  mkdir -p "$CACHE/debs"
  debootstrap --variant=minbase --cache-dir="$CACHE/debs" \
    --include="$(IFS=,; echo "${packages[*]}")" \
    "$SUITE" "$CACHE/debootstrap" "$(debian_mirror)" >"$CACHE/debootstrap.log" 2>&1 ||
    { tail -20 "$CACHE/debootstrap.log" >&2; exit 1; }
  rm -rf "$CACHE"/debootstrap/{var/cache/apt/*,var/lib/apt/lists/*,usr/share/{doc,man,locale,info}/*,var/log/*}
  tar -C "$CACHE/debootstrap" -cf "$base" .
  rm -rf "$CACHE/debootstrap"
  echo "${packages[*]}" > "$base.packages"
fi
say "unpacking the base system"
rm -rf "$ROOT"; mkdir -p "$ROOT"
tar -C "$ROOT" -xpf "$base"

if [ ! -x "$CACHE/etcd-deb/tree/usr/bin/etcd" ]; then
  say "fetching etcd"
  apt_side etcd deb "$SUITE"
  mkdir -p "$CACHE/etcd-deb"
  (cd "$CACHE/etcd-deb" && rm -f -- *.deb && apt_side_get etcd -q download etcd-server >/dev/null)
  dpkg-deb -x "$CACHE"/etcd-deb/etcd-server_*.deb "$CACHE/etcd-deb/tree"
fi

# --- container images --------------------------------------------------------
# copy_with_libs DEST FILE...: copy files of the base system ($ROOT) and the
# shared libraries they need, as ld.so in the base system finds them.
copy_with_libs() {
  local dest=$1 f; shift
  for f in "$@"; do
    {
      echo "$f"
      chroot "$ROOT" /usr/bin/ldd "$f" 2>/dev/null | grep -o '/[^ ]*' || true
    } | while read -r x; do
      [ -e "$dest$x" ] && continue
      mkdir -p "$dest$(dirname "$x")"
      cp -L "$ROOT$x" "$dest$x"
    done
  done
}

say "container images"
rm -rf "$PARTS"
for p in kube-apiserver kube-controller-manager kube-scheduler; do
  mkdir -p "$PARTS/$p/usr/local/bin" "$PARTS/$p/tmp"
  cp "$BIN/$p" "$PARTS/$p/usr/local/bin/"
done
mkdir -p "$PARTS"/{pause,addons,etcd/usr/bin,kube-proxy/usr/local/bin,kube-proxy/usr/sbin,kube-proxy/bin,kube-proxy/run}
cp "$BIN/pause" "$PARTS/pause/"
cp "$BIN/kind-addons" "$PARTS/addons/"

cp "$CACHE/etcd-deb/tree/usr/bin/etcd" "$ROOT/tmp/etcd"     # for ldd
copy_with_libs "$PARTS/etcd" /tmp/etcd
mv "$PARTS/etcd/tmp/etcd" "$PARTS/etcd/usr/bin/etcd"
rm "$ROOT/tmp/etcd"

cp "$BIN/kube-proxy" "$PARTS/kube-proxy/usr/local/bin/"
xtables=$(cd "$ROOT" && find usr/lib -type d -name xtables)
mapfile -t extensions < <(cd "$ROOT" && find "$xtables" -name '*.so' -printf '/%p\n')
copy_with_libs "$PARTS/kube-proxy" /bin/dash /usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi \
  /usr/sbin/conntrack "${extensions[@]}"
ln -s dash "$PARTS/kube-proxy/bin/sh"
cp "$ROOT/etc/protocols" "$ROOT/etc/services" "$PARTS/kube-proxy/etc/" 2>/dev/null ||
  { mkdir -p "$PARTS/kube-proxy/etc"; cp "$ROOT"/etc/{protocols,services} "$PARTS/kube-proxy/etc/" 2>/dev/null || true; }
for c in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  cat > "$PARTS/kube-proxy/usr/sbin/$c" <<W
#!/bin/sh
# Use the flavour of iptables in which the kubelet has made its chain.
f=legacy
if xtables-nft-multi iptables -t mangle -n -L KUBE-KUBELET-CANARY >/dev/null 2>&1; then f=nft; fi
exec xtables-\$f-multi $c "\$@"
W
  chmod +x "$PARTS/kube-proxy/usr/sbin/$c"
done

# The names come from kubeadm itself; $CACHE/images.txt keeps them.
"$BIN/kubeadm" config images list --kubernetes-version "$KUBE_VERSION" > "$CACHE/images.txt"
path='["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]'
{
  sep='['
  while read -r image; do
    name=${image##*/}; name=${name%%:*}
    case $name in
      kube-*) entry='null' root=$name ;;
      etcd)   entry='null' root=etcd ;;
      pause)  entry='["/pause"]' root=pause ;;
      coredns) entry='["/kind-addons","dns"]' root=addons ;;
      *) die "no recipe for image $image" ;;
    esac
    printf '%s{"names":["%s"],"entrypoint":%s,"env":%s,"root":"%s"}' "$sep" "$image" "$entry" "$path" "$PARTS/$root"
    sep=,
  done < "$CACHE/images.txt"
  printf ',{"names":["localhost/kind-addons:1"],"entrypoint":["/kind-addons"],"env":%s,"root":"%s"}]\n' "$path" "$PARTS/addons"
} > "$CACHE/images.json"
python3 "$HERE/mkimages.py" "$CACHE/images.tar" "$CACHE/images.json"

# --- the node ----------------------------------------------------------------
say "assembling the node"
cp -r --no-preserve=ownership "$HERE/rootfs/." "$ROOT/"
sed -i "s|@PAUSE_IMAGE@|$(grep '/pause:' "$CACHE/images.txt")|" "$ROOT/etc/containerd/config.toml"
install "$BIN"/{kubelet,kubeadm,kubectl,kind-addons} "$ROOT/usr/bin/"
echo "$KUBE_VERSION" > "$ROOT/kind/version"
mkdir -p "$ROOT/etc/kubernetes/manifests" "$ROOT/etc/cni/net.d"

# Nothing of a usual machine's boot is wanted but the services named here.
rm -f "$ROOT"/lib/systemd/system/{multi-user,local-fs,basic}.target.wants/* "$ROOT"/etc/systemd/system/*.wants/*
rm -f "$ROOT"/lib/systemd/system/timers.target.wants/*
chroot "$ROOT" systemctl -q set-default multi-user.target
chroot "$ROOT" systemctl -q enable containerd.service kubelet.service kind-nodenet.service
chroot "$ROOT" systemctl -q mask console-getty.service getty.target systemd-binfmt.service \
  systemd-networkd.service systemd-resolved.service systemd-firstboot.service 2>/dev/null

# Import the images with the node's own containerd.  --no-unpack keeps them
# small; a node unpacks those it runs.
cp "$CACHE/images.tar" "$ROOT/tmp/images.tar"
# shellcheck disable=SC2016 # for the inner shell
unshare --mount --pid --fork --kill-child bash -euc '
  root=$1
  mount -t proc proc "$root/proc"
  mount -t tmpfs tmpfs "$root/run"
  mount --bind /dev "$root/dev"
  chroot "$root" containerd >"$root/run/containerd.log" 2>&1 &
  for i in $(seq 100); do
    chroot "$root" ctr version >/dev/null 2>&1 && break
    sleep 0.1
  done
  chroot "$root" ctr -n k8s.io images import --all-platforms --no-unpack /tmp/images.tar || { cat "$root/run/containerd.log"; exit 1; }
  kill %1; wait %1 || true
' - "$ROOT" >"$CACHE/import.log" 2>&1 || { cat "$CACHE/import.log" >&2; exit 1; }
rm -f "$ROOT/tmp/images.tar"

# --- Docker image ------------------------------------------------------------
say "importing into Docker"
tar -C "$ROOT" --exclude=./proc/* --exclude=./sys/* --exclude=./dev/* --exclude=./run/* -cf - . |
  docker import - "$NODE_IMAGE-plain" >/dev/null
# systemd stops on SIGRTMIN+3; `docker import` cannot set that, so one more step.
DOCKER_BUILDKIT=0 docker build -q -t "$NODE_IMAGE" - >/dev/null <<D
FROM $NODE_IMAGE-plain
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/kind/bin/entrypoint"]
D
docker rmi -f "$NODE_IMAGE-plain" >/dev/null
rm -rf "$ROOT" "$PARTS" "$CACHE/images.tar" "$CACHE/debs"
say "done: $NODE_IMAGE, $(docker image inspect -f '{{.Size}}' "$NODE_IMAGE" | awk '{ printf "%.0f MB", $1 / 1e6 }')"
