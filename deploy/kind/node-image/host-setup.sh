#!/bin/bash
# Make this machine able to run kind: install Docker, start its daemon if no
# service manager does, install `kind` and `kubectl` if they are missing: from
# a newer Debian release, whose kubectl knows today's kustomize.
#
# On machines that withhold capabilities from root (some micro-VMs lack
# CAP_SYS_RESOURCE) `docker run --privileged`, which kind uses, fails with
# "unable to apply caps".  There a wrapper around runc is made Docker's default
# runtime: it drops the missing capabilities from what Docker asks for.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

install_packages docker.io jq iptables ca-certificates

names=(CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
  NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
  SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
  AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
  PERFMON BPF CHECKPOINT_RESTORE)
have=$((16#$(awk '/^CapBnd/ { print $2 }' /proc/self/status)))
last=$(cat /proc/sys/kernel/cap_last_cap)
less=''
for i in "${!names[@]}"; do
  if [ "$i" -le "$last" ] && ! ((have >> i & 1)); then less+="\"CAP_${names[$i]}\","; fi
done

changed=
if [ -n "$less" ]; then
  say "capabilities missing here: ${less%,}"
  cat > /usr/local/sbin/runc-less-caps.new <<W
#!/bin/bash
# Written by host-setup.sh: runc, minus the capabilities this machine lacks.
args=("\$@")
for ((i = 0; i < \${#args[@]} - 1; i++)); do
  case \${args[i]} in
    --bundle|-b)  file=\${args[i+1]}/config.json; at=.process ;;
    --process|-p) file=\${args[i+1]}; at= ;;
    *) continue ;;
  esac
  if [ -f "\$file" ] && new=\$(jq -c --argjson less '[${less%,}]' "if \$at.capabilities then \$at.capabilities |= map_values(. - \\\$less) else . end" "\$file"); then
    printf '%s\n' "\$new" > "\$file"
  fi
  break
done
exec /usr/sbin/runc "\$@"
W
  chmod +x /usr/local/sbin/runc-less-caps.new
  mv /usr/local/sbin/runc-less-caps.new /usr/local/sbin/runc-less-caps
  mkdir -p /etc/docker
  have_config=$(cat /etc/docker/daemon.json 2>/dev/null || echo '{}')
  want_config=$(jq '.runtimes["less-caps"] = {path: "/usr/local/sbin/runc-less-caps"} | .["default-runtime"] = "less-caps"' <<<"$have_config")
  if [ "$have_config" != "$want_config" ]; then
    printf '%s\n' "$want_config" > /etc/docker/daemon.json
    changed=1
  fi
fi

if ! docker info >/dev/null 2>&1; then
  say "starting dockerd"
  if [ -d /run/systemd/system ]; then
    systemctl restart docker
  else
    setsid nohup dockerd >/var/log/dockerd.log 2>&1 </dev/null &
  fi
  for _ in $(seq 60); do docker info >/dev/null 2>&1 && break; sleep 0.5; done
  docker info >/dev/null 2>&1 || die "dockerd did not start"
elif [ -n "$changed" ]; then
  say "reloading dockerd"
  kill -HUP "$(cat /run/docker.pid 2>/dev/null || cat /var/run/docker.pid)"
  sleep 2
fi

# Two nodes need more than the usual 128 inotify instances once pods use them.
for kv in fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288; do
  [ "$(sysctl -n "${kv%=*}")" -ge "${kv#*=}" ] || sysctl -qw "$kv"
done

for p in kind kubectl; do
  if command -v "$p" >/dev/null; then continue; fi
  say "fetching $p from $KIND_SUITE"
  apt_side "$p" deb "$KIND_SUITE"
  mkdir -p "$CACHE/$p-deb"
  (cd "$CACHE/$p-deb" && rm -f -- *.deb && apt_side_get "$p" -q download "$p/$KIND_SUITE" >/dev/null)
  dpkg-deb -x "$CACHE/$p-deb/$p"_*.deb "$CACHE/$p-deb/tree"
  install "$CACHE/$p-deb/tree/usr/bin/$p" /usr/local/bin/
done
say "ready: $(docker version -f '{{.Server.Version}}') $(kind version 2>/dev/null || true)"
