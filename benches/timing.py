"""What the programs that are timed beside ours share."""
import statistics
import time


def milliseconds(since):
    return (time.perf_counter() - since) * 1e3


def median(times):
    """Of all but two warm-ups, to the microsecond."""
    return round(statistics.median(times[2:]), 3)


def timed(run, rounds, sync=lambda: None):
    """The median time of `run` in milliseconds; `sync` waits for a device."""
    times = []
    for _ in range(rounds + 2):
        sync()
        start = time.perf_counter()
        run()
        sync()
        times.append(milliseconds(start))
    return median(times)
