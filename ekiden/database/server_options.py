"""The PostgreSQL settings of the embedded server, each with its reason, sized for this machine.

They are passed at every start and override what lies in the data folder. Not here: anything a session sets.
"""

import os
import shutil
from pathlib import Path

MEGABYTE = 1024 * 1024
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
SHARED_MEMORY = Path("/dev/shm")
# two parallel workers with hash tables of work_mem times 2 each, a few queries at once; containers often have
# 64 MB
ENOUGH_SHARED_MEMORY = 1024 * MEGABYTE


def server_options(port: int, *, durable: bool) -> dict[str, str]:
    """Return the settings of a server on `port`; without `durable` a power failure may cost all its data."""
    memory = memory_bytes()
    options = {
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        # nobody needs the socket, its path may not exceed 107 bytes, and it leaves one more stale file
        "unix_socket_directories": "",
        # webserver, daemon, run workers and dbt threads keep some 10 connections each
        "max_connections": "200",
        # an eighth, not the usual quarter: the machine also runs Dagster. More than 4 GB was not faster
        "shared_buffers": _share(memory, 8, 128, 4096),
        "effective_cache_size": _share(memory, 2, 256, 1024 * 1024),
        "maintenance_work_mem": _share(memory, 32, 64, 1024),
        "work_mem": "64MB",
        "random_page_cost": "1.1",  # the data lies on flash or in the cache, not on a turning disk
        "max_wal_size": "4GB",  # loads of some million rows without a checkpoint every few seconds
        # no replica and no base backup reads this server's log: a table made anew is synced whole, not written twice
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "wal_compression": "off",  # made index builds 2.3 times slower
        # a killed client's long query ends, and with it its locks
        "client_connection_check_interval": "10s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",  # every five minutes a line nobody asked for
    }
    if SHARED_MEMORY.exists() and shutil.disk_usage(SHARED_MEMORY).total < ENOUGH_SHARED_MEMORY:
        options["dynamic_shared_memory_type"] = "sysv"
    if not durable:
        # commits still wait until the operating system has them: a killed server loses nothing even so
        options |= {"fsync": "off", "full_page_writes": "off"}
    return options


def memory_bytes() -> int:
    """Return the memory this process may use: the machine's, or its container's if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [path.read_text().strip() for path in CGROUP_LIMITS if path.exists()]
    return min([machine, *(int(limit) for limit in limits if limit.isdigit())])


def _share(memory: int, divisor: int, least: int, most: int) -> str:
    """Return a part of `memory` in PostgreSQL's notation, between `least` and `most` megabytes."""
    return f"{min(max(memory // divisor // MEGABYTE, least), most)}MB"
