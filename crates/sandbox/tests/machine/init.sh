#!/bin/busybox sh
# The first process of the emulated machine: makes it look as systemd leaves it to an ordinary user, and
# runs the tests it is given in /tests (name, user, control group) one after the other.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up

# A group that hands its controllers down; what else is given may be changed by the user as well.
group() {
  mkdir -p "/sys/fs/cgroup/$1"
  [ "$2" = leaf ] || echo "+cpu +memory" > "/sys/fs/cgroup/$1/cgroup.subtree_control"
  [ -z "$3" ] || (cd "/sys/fs/cgroup/$1" && chown "$3:$3" . cgroup.procs cgroup.subtree_control cgroup.threads)
}
manager=user.slice/user-1000.slice/user@1000.service
group . inner
group system.slice inner
group user.slice inner
group user.slice/user-1000.slice inner
group $manager inner 1000
group $manager/app.slice inner 1000
group $manager/gearshift.slice inner 1000

export CI=true GEARSHIFT_MACHINE=emulated RUST_BACKTRACE=0
while read -r name user slice; do
  scope="$slice/test-$name.scope"
  case "$slice" in $manager/*) group "$scope" leaf 1000 ;; *) group "$scope" leaf ;; esac
  echo "BEGIN $name"
  (
    echo 0 > "/sys/fs/cgroup/$scope/cgroup.procs"
    # Beside the test a program of the same terminal, which Gearshift has to get along with.
    sleep 600 > /dev/null 2>&1 &
    exec su "$user" -s /bin/sh -c "exec /test --exact $name --test-threads=1 --nocapture"
  ) < /dev/null 2>&1
  echo "END $name $?"
done < /tests
reboot -f
