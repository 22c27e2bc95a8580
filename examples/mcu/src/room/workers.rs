//! Work of one tick, on as many threads as there are cores.

use std::thread;

/// Does all jobs, on the calling thread and as many more as there are cores and jobs for them; what they give, in any order.
pub(super) fn share_out<T: Send, R: Send>(
    mut jobs: Vec<T>,
    work: impl Fn(T) -> Option<R> + Sync,
) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let count = jobs.len().div_ceil(cores).max(1);
    let part = &|jobs: Vec<T>| jobs.into_iter().filter_map(&work).collect::<Vec<R>>();
    if jobs.len() <= count {
        return part(jobs);
    }
    thread::scope(|scope| {
        let mut helpers = Vec::new();
        while jobs.len() > count {
            let rest = jobs.split_off(jobs.len() - count);
            helpers.push(scope.spawn(move || part(rest)));
        }
        let mut done = part(jobs);
        // One that panicked has made nothing.
        let results = helpers.into_iter().filter_map(|helper| helper.join().ok());
        done.extend(results.flatten());
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_jobs_are_done_once() {
        for count in [0, 1, 2, 3, 17, 100] {
            let odd = |job: usize| (job % 2 == 1).then_some(job);
            let mut done = share_out((0..count).collect(), odd);
            done.sort_unstable();
            let wanted: Vec<_> = (0..count).filter_map(odd).collect();
            assert_eq!(done, wanted);
        }
    }

    #[test]
    fn one_that_panics_takes_only_its_own_thread_with_it() {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        // The last is never the caller's, where there are several cores.
        let last = 4 * cores - 1;
        let done = share_out((0..=last).collect(), |job| {
            assert!(cores == 1 || job != last, "as a decoder might");
            Some(job)
        });
        assert!(done.contains(&0));
    }
}
