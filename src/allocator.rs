//! How the system's allocator divides memory among threads.
//!
//! This is the one place with `unsafe` code: the C library has no other door to its settings but a
//! variable that has to be set before the program begins.

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
