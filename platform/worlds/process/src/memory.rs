//! How much memory a process holds.

/// Resident bytes of this process; 0 where the kernel does not tell.
pub fn resident_bytes() -> u64 {
    read("self", "VmRSS:")
}

/// Resident bytes of another process; 0 if it is gone.
pub fn resident_bytes_of(process: u32) -> u64 {
    read(&process.to_string(), "VmRSS:")
}

/// The most resident bytes another process ever held; 0 if it is gone.
pub fn peak_bytes_of(process: u32) -> u64 {
    read(&process.to_string(), "VmHWM:")
}

fn read(process: &str, field: &str) -> u64 {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else {
        return 0;
    };
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}
