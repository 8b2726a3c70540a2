//! `/metrics`: what the shared pages hold, as OpenMetrics text. Read when somebody asks; nothing is kept here, so that
//! the figures survive workers and this process alike.

use std::fmt;
use std::fs;
use std::sync::atomic::Ordering::*;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet, text::encode};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::text;
use crate::process::SideProcess;
use crate::process::shared::{BOUNDS, Counts, OUTCOMES, Phase};
use crate::refusal::Death;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn metrics(State(side): State<SideProcess>) -> Response<Body> {
    let mut registry = Registry::with_prefix("action_runner");
    registry.register_collector(Box::new(Pages(side)));
    let mut page = String::new();
    match encode(&mut page, &registry) {
        Ok(()) => text(200, OPEN_METRICS, Body::from(page)),
        Err(_) => text(500, "text/plain", Body::empty()),
    }
}

struct Pages(SideProcess);

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}

impl Collector for Pages {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.runs(&mut encoder)?;
        self.durations(&mut encoder)?;
        self.deaths(&mut encoder)?;
        self.now(&mut encoder)
    }
}

impl Pages {
    fn counts(&self) -> impl Iterator<Item = &'static Counts> {
        self.0.shared.places().map(|place| place.counts)
    }

    fn sum(&self, counter: impl Fn(&Counts) -> u64) -> u64 {
        self.counts().map(counter).sum()
    }

    fn runs(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let runs = OUTCOMES.iter().enumerate().map(|(index, outcome)| {
            let counted = self.sum(|counts| counts.ended(index));
            ([("ending", *outcome)], counted)
        });
        counters(
            encoder,
            "runs",
            "Runs that were answered, by how they ended; one that ended its worker is a fault",
            runs,
        )
    }

    fn durations(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let bounds = BOUNDS.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds
            .enumerate()
            .map(|(index, bound)| (bound, self.sum(|counts| counts.bucket(index))))
            .collect();
        let micros = self.sum(Counts::microseconds);
        let total = buckets.iter().map(|(_, count)| count).sum();
        let mut metric = encoder.encode_descriptor(
            "run_duration",
            "How long the action took",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        metric.encode_histogram::<NoLabelSet>(micros as f64 / 1e6, total, &buckets, None)
    }

    /// Workers that ended on their own, by how.
    fn deaths(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut causes = vec![
            ("exit".to_owned(), self.sum(|it| it.deaths_by_signal(0))),
            (
                "out of memory".to_owned(),
                self.sum(Counts::deaths_out_of_memory),
            ),
            (
                "time limit".to_owned(),
                self.sum(Counts::deaths_by_time_limit),
            ),
        ];
        for number in 1..=64 {
            let deaths = self.sum(|counts| counts.deaths_by_signal(number));
            if deaths != 0 {
                causes.push((Death::signal_name(number), deaths));
            }
        }
        let deaths = causes
            .into_iter()
            .map(|(cause, count)| ([("cause", cause)], count));
        counters(
            encoder,
            "worker_deaths",
            "Workers that ended without being asked to",
            deaths,
        )
    }

    /// How things are at this moment.
    fn now(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let SideProcess { shared, master, .. } = self.0;
        let number = |counted: u64| i64::try_from(counted).unwrap_or(i64::MAX);
        gauge(
            encoder,
            "runs_in_flight",
            "Runs inside the action",
            number(self.sum(Counts::in_flight)),
        )?;
        gauge(
            encoder,
            "connections",
            "Connections that are open",
            number(self.sum(Counts::connections)),
        )?;
        let generation = i64::from(shared.generation.load(Relaxed));
        gauge(
            encoder,
            "generation",
            "Which library serves: the first is 1",
            generation,
        )?;
        let draining = i64::from(shared.ending.load(Relaxed));
        gauge(encoder, "draining", "1 once a stop is under way", draining)?;
        let workers = shared.places();
        let workers = workers.filter(|place| place.phase() != Phase::Nobody);
        let workers: i64 = workers.map(|it| resident(i64::from(it.worker()))).sum();
        let master = resident(i64::from(master.as_raw_nonzero().get()));
        let name = "resident_memory";
        let mut metric = encoder.encode_descriptor(
            name,
            "Memory in use",
            Some(&Unit::Bytes),
            MetricType::Gauge,
        )?;
        for (process, bytes) in [("master", master), ("workers", workers)] {
            metric
                .encode_family(&[("process", process)])?
                .encode_gauge(&bytes)?;
        }
        Ok(())
    }
}

fn counters<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (L, u64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        let mut one = metric.encode_family(&labels)?;
        one.encode_counter::<NoLabelSet, u64, f64>(&value, None)?;
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    encoder
        .encode_descriptor(name, help, None, MetricType::Gauge)?
        .encode_gauge(&value)
}

/// Resident memory of a process, in bytes; 0 when it has just gone.
fn resident(process: i64) -> i64 {
    let statm = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    let page = i64::try_from(rustix::param::page_size()).unwrap_or(4096);
    pages.unwrap_or(0_i64) * page
}
