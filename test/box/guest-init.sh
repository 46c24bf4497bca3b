#!/bin/busybox sh
# First process of the guest of `npm run box`. Reads commands from the console, one a line, and answers each with
# `@end STATUS ANSWER`, where the command has left its answer in $answer. `watch` prints a `@sample` once a second.
/bin/busybox --install -s /bin
export PATH=/bin:/usr/sbin HOME=/
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
stty -F /dev/console raw -echo
ip link set lo up
ip addr add 10.77.0.2/24 dev vec0
ip link set vec0 up
mount -t ext4 /dev/ubda /srv

# Samples of the processes named $1, of which $2 is the main one: seconds since boot, MemAvailable, Anonymous of all of
# them, resident code and other pages of the main one's executable, major faults of all, number of processes. One
# process for good: to start others is expensive here.
watch() {
  exec awk -v name="$1" -v main="$2" '
    function read_number(path, pattern,    line, fields, sum) {
      while ((getline line < path) > 0)
        if (line ~ pattern) { split(line, fields, " +"); sum += fields[2] }
      close(path)
      return sum + 0
    }
    function read_faults(pid,    line, fields) {
      getline line < ("/proc/" pid "/stat")
      close("/proc/" pid "/stat")
      sub(/^.*\) /, "", line)
      split(line, fields, " ")
      return fields[10] + 0
    }
    function read_code(pid, executable,    path, line, fields, is_code, is_other) {
      path = "/proc/" pid "/smaps"
      code = other = 0
      while ((getline line < path) > 0) {
        if (line ~ /^[0-9a-f]+-/) {
          split(line, fields, " +")
          is_code = fields[6] == executable && fields[2] ~ /x/
          is_other = fields[6] == executable && fields[2] !~ /x/
        } else if (line ~ /^Rss:/ && (is_code || is_other)) {
          split(line, fields, " +")
          if (is_code) code += fields[2]; else other += fields[2]
        }
      }
      close(path)
    }
    BEGIN {
      "readlink /proc/" main "/exe" | getline executable
      while (1) {
        count = 1
        pids[1] = main
        if (name != "minismbd") { command = "pidof " name; command | getline list; close(command); count = split(list, pids, " ") }
        anonymous = faults = 0
        for (i = 1; i <= count; i++) {
          anonymous += read_number("/proc/" pids[i] "/smaps_rollup", "^Anonymous:")
          faults += read_faults(pids[i])
        }
        read_code(main, executable)
        getline uptime < "/proc/uptime"
        close("/proc/uptime")
        sub(/ .*/, "", uptime)
        print "@sample", uptime, read_number("/proc/meminfo", "^MemAvailable:"), anonymous, code, other, faults, count
        fflush()
        if (system("sleep 1") != 0) exit
      }
    }'
}

echo "@end 0 booted"
while read -r line; do
  answer=
  eval "$line"
  echo "@end $? $answer"
done
poweroff -f
