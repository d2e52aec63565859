//! What a process costs: processor time, time, and the most memory it had at once.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The costs of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    pub(crate) peak_mib: u64,
}

/// Runs a command to its end, and looks at what it uses all the time.
///
/// # Panics
/// When it does not succeed.
pub(crate) fn measure(command: &mut Command) -> Cost {
    let started = Instant::now();
    let mut process = command.stdout(Stdio::null()).spawn().unwrap();
    let folder = format!("/proc/{}", process.id());
    let mut cpu = Duration::ZERO;
    let mut peak_kib = 0;
    let status = loop {
        cpu = processor_time(&folder).unwrap_or_default().max(cpu);
        peak_kib = peak(&folder).unwrap_or_default().max(peak_kib);
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert!(status.success(), "{command:?}: {status}");
    Cost { cpu, wall: started.elapsed(), peak_mib: peak_kib / 1024 }
}

/// Returns the most memory that a process had at once, in KiB, by its folder in `/proc`.
pub(crate) fn peak(folder: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("{folder}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Reads user and system time, which Linux counts in hundredths of a second.
fn processor_time(folder: &str) -> Option<Duration> {
    let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
    // The name of the program may have spaces; what follows it begins with the third field.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks = |place: usize| fields.split(' ').nth(place)?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}
