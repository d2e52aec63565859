//! Settings of the operating system for the whole program and for single threads.
//!
//! This is the one place with `unsafe` code, because these are functions of the C library.

/// How much more than the program's other threads one gives way, of 19 at most: three such threads
/// together get about as much of a busy processor as one of the others.
#[cfg(target_os = "linux")]
const GIVES_WAY: libc::c_int = 5;

/// Lets all threads share an arena for each core, where the allocator is that of glibc.
///
/// Rows are allocated on one thread and freed on another. Each arena keeps what was freed in it, so
/// with one for nearly every thread, which is the default, most of the peak is memory that nobody
/// uses. To be called before there are threads.
pub fn limit_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if let Ok(cores) = std::thread::available_parallelism()
        && let Ok(arenas) = i32::try_from(cores.get())
    {
        // A value that is refused leaves the default, with which everything works too.
        #[expect(unsafe_code, reason = "there is no other way to limit arenas")]
        // SAFETY: `mallopt` takes two numbers and keeps no pointer.
        let _is_set = unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
    }
}

/// Returns what lets the thread that calls it give way to the threads of the caller's priority, on
/// Linux, where a priority is one of a thread; elsewhere it is one of the program, and stays as it
/// is. A thread that is made begins with the priority of the one that makes it, so that to lower it
/// by so much once more would be too much.
pub(crate) fn lower_priority() -> impl Fn() + Send + Sync + 'static {
    #[cfg(target_os = "linux")]
    {
        #[expect(unsafe_code, reason = "it is a function of the C library")]
        // SAFETY: `getpriority` takes two numbers; the thread 0 is the calling one.
        let usual = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
        let lower = usual.saturating_add(GIVES_WAY);
        move || {
            // A priority that cannot be set leaves the usual one, with which everything works too.
            #[expect(unsafe_code, reason = "it is a function of the C library")]
            // SAFETY: `setpriority` takes three numbers; the thread 0 is the calling one.
            let _is_set = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, lower) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    || {}
}
