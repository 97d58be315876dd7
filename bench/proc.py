"""What the kernel knows of a process: its CPU time, memory, descriptors, threads."""
import os

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """User and system time, all threads."""
    fields = open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def memory(pid):
    """Octets: resident; its share of them; what no file stands behind."""
    rollup = open("/proc/%d/smaps_rollup" % pid).read()
    return {name.lower(): int(rollup.split("\n%s:" % name)[1].split()[0]) * 1024 for name in ("Rss", "Pss", "Anonymous")}


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def threads(pid):
    return len(os.listdir("/proc/%d/task" % pid))


def machine():
    """Seconds of all processors so far: all, idle, taken by the host."""
    t = [int(x) * TICK_S for x in open("/proc/stat").readline().split()[1:9]]
    return {"all": sum(t), "idle": t[3] + t[4], "stolen": t[7]}
