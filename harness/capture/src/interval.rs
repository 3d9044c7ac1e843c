//! `latency.hdr` and `lag.hdr`: HdrHistogram interval logs, one interval per second and a tagged one per fault.
//!
//! Any reader of the format (HdrHistogram's own, `hdr-plot`) takes them. Values are nanoseconds; maxima in the log's own column are
//! milliseconds. A request is in the interval in which it was due.

use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2Serializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::analysis::Analysis;
use crate::durable::write_bytes;
use crate::error::{CaptureError, Result};

impl Analysis {
    /// Writes `latency.hdr` and `lag.hdr` into a trial's directory.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_interval_logs(&self, directory: &Path) -> Result<()> {
        write_bytes(
            directory,
            "latency.hdr",
            &self.interval_log("latency from due to answered", |latency, _| latency)?,
        )?;
        write_bytes(
            directory,
            "lag.hdr",
            &self.interval_log("lag from due to sent", |_, lag| lag)?,
        )
    }

    fn interval_log(
        &self,
        what: &str,
        choose: impl for<'a> Fn(&'a Histogram<u64>, &'a Histogram<u64>) -> &'a Histogram<u64>,
    ) -> Result<Vec<u8>> {
        let failed = |error: String| CaptureError::io("write", Path::new(what))(std::io::Error::other(error));
        let mut bytes = Vec::new();
        let mut serializer = V2Serializer::new();
        let mut log = IntervalLogWriterBuilder::new()
            .add_comment(&format!(
                "{what}, nanoseconds; intervals by the time a request was due"
            ))
            .with_max_value_divisor(1e6)
            .begin_log_with(&mut bytes, &mut serializer)
            .map_err(|error| failed(error.to_string()))?;
        self.each_second(|second, length, latency, lag| {
            let chosen = choose(latency, lag);
            log.write_histogram(
                chosen,
                Duration::from_secs(second),
                Duration::from_secs(length),
                None,
            )
            .map_err(|error| failed(format!("{error:?}")))
        })?;
        self.each_fault(|name, window, latency, lag| {
            let (start, length) = (
                Duration::from_nanos(window.from),
                Duration::from_nanos(window.length()),
            );
            let tag = format!("during:{name}");
            log.write_histogram(choose(latency, lag), start, length, Tag::new(&tag))
                .map_err(|error| failed(format!("{error:?}")))
        })?;
        drop(log);
        Ok(bytes)
    }
}
