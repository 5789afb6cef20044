//! The command line.

use std::num::NonZeroUsize;
use std::thread;

use clap::{Args, Parser, Subcommand};
use tickwire_core::CongestionControl;

use crate::contender::Contender;
use crate::report::{self, Report};
use crate::work::cpu::Probe;
use crate::work::{Plan, bulk, cpu, fairness, handshake, latency, reliable, wire};

/// Names of links: not every measurement has each of them.
const LINKS: [&str; 12] = [
    "0", "1", "2", "5", "10", "20", "30", "ge5", "rtt150", "rtt750", "outages", "rebind",
];

/// Beside the default one.
const CONTROLLERS: [CongestionControl; 3] = [
    CongestionControl::Cubic,
    CongestionControl::NewReno,
    CongestionControl::Bbr,
];

/// Measures Tickwire beside other transports on the same virtual links
#[derive(Debug, Parser)]
#[command(
    name = "tickwire-peers",
    version,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
enum What {
    /// Latency of reliable messages while datagrams are lost
    W1,
    /// A large transfer beside fresh state
    W2,
    /// Bytes on the wire for small messages
    W3,
    /// Instructions, allocations and memory of a server
    W4,
    /// From dialling to the first message
    W5,
    /// Two transfers that share a bottleneck
    Fairness,
    /// Transfers through networks that are hard to get through; of Tickwire, if --only does not say otherwise
    Reliable,
    /// All of them
    All,
    /// What is counted by valgrind for w4: a contender, clients and ticks, or aead
    #[command(hide = true)]
    Probe {
        who: String,
        clients: Option<usize>,
        ticks: Option<u64>,
    },
}

#[derive(Debug, Args)]
struct Options {
    /// Measure only these, separated by commas
    #[arg(long, global = true, value_delimiter = ',', value_name = "NAME")]
    only: Vec<Contender>,
    /// Measure only on these links: w1 has 0, 1, 2, 5, 10, 20, ge5, rtt150; w2 has 0, 1, 2, 5;
    /// w5 has 0, 10; reliable has 2, 10, 20, 30, rtt750, outages, rebind
    #[arg(long, global = true, value_delimiter = ',', value_name = "LINK", value_parser = LINKS)]
    links: Vec<String>,
    /// Tickwire's congestion controllers that fairness compares beside the default: cubic, new-reno, bbr, fixed:BYTES_PER_SECOND,
    /// separated by commas [default: cubic,new-reno,bbr]
    #[arg(long, global = true, value_delimiter = ',', value_name = "NAME")]
    controllers: Vec<CongestionControl>,
    /// Seeds of each cell of a table [default: 3 for w1, 30 for w2, 1000 for w5, 10 for fairness, 100 for reliable]
    #[arg(long, global = true, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    seeds: Option<u64>,
    /// Seconds of virtual time of each seed [default: 600 for w1 and w3, 120 for fairness]
    #[arg(long, global = true, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    seconds: Option<u64>,
    /// Measure little, in about a minute: enough to see that it works
    #[arg(long, global = true)]
    quick: bool,
    /// Threads [default: one for each core]
    #[arg(long, global = true)]
    jobs: Option<NonZeroUsize>,
    /// Print the results as one JSON object
    #[arg(long, global = true)]
    json: bool,
    /// Write the tables into docs/BENCHMARKS.md
    #[arg(long, global = true, conflicts_with_all = ["quick", "only", "links", "controllers"])]
    write: bool,
}

impl Options {
    /// Tickwire without copies is another row where latency is, and no contender of its own elsewhere.
    fn plan_of_contenders(&self) -> Plan {
        let mut plan = self.plan();
        if self.only.is_empty() {
            plan.contenders.retain(|one| *one != Contender::Single);
        }
        plan
    }

    /// For what only Tickwire promises.
    fn plan_of_tickwire(&self) -> Plan {
        let mut plan = self.plan();
        if self.only.is_empty() {
            plan.contenders = vec![Contender::Tickwire];
        }
        plan
    }

    fn plan(&self) -> Plan {
        let all = <Contender as clap::ValueEnum>::value_variants();
        let contenders = all.iter().copied();
        let is_wanted = |one: &Contender| self.only.is_empty() || self.only.contains(one);
        Plan {
            contenders: contenders.filter(is_wanted).collect(),
            links: self.links.clone(),
            controllers: match self.controllers.is_empty() {
                true => CONTROLLERS.to_vec(),
                false => self.controllers.clone(),
            },
            seeds: self.seeds,
            seconds: self.seconds,
            quick: self.quick,
            jobs: self
                .jobs
                .or(thread::available_parallelism().ok())
                .map_or(1, NonZeroUsize::get),
        }
    }
}

/// Measures and tells.
#[expect(
    clippy::print_stdout,
    reason = "the tables are what the command is for"
)]
pub(crate) fn run(cli: &Cli) -> anyhow::Result<()> {
    if let What::Probe {
        who,
        clients,
        ticks,
    } = &cli.what
    {
        probe(who, *clients, *ticks)?.run();
        return Ok(());
    }
    let plan = cli.options.plan_of_contenders();
    let is_wanted = |what| cli.what == what || cli.what == What::All;
    let mut reports = Vec::new();
    let mut tell = |report: Report| {
        if !cli.options.json {
            println!("## {}\n\n{}", report.name, report.markdown());
        }
        reports.push(report);
    };
    if is_wanted(What::W1) {
        let results = latency::measure(&cli.options.plan());
        tell(Report::new("w1", report::latency(&results), &results)?);
    }
    if is_wanted(What::W2) {
        let results = bulk::measure(&plan);
        tell(Report::new("w2", report::bulk(&results), &results)?);
    }
    if is_wanted(What::W3) {
        let results = wire::measure(&plan);
        tell(Report::new("w3", report::wire(&results), &results)?);
    }
    if is_wanted(What::W4) {
        let results = cpu::measure(&plan)?;
        tell(Report::new("w4", report::cpu(&results), &results)?);
    }
    if is_wanted(What::W5) {
        let results = handshake::measure(&plan);
        tell(Report::new("w5", report::handshake(&results), &results)?);
    }
    if is_wanted(What::Fairness) {
        let results = fairness::measure(&plan);
        tell(Report::new(
            "fairness",
            report::fairness(&results),
            &results,
        )?);
    }
    if is_wanted(What::Reliable) {
        let results = reliable::measure(&cli.options.plan_of_tickwire());
        tell(Report::new(
            "reliable",
            report::reliable(&results),
            &results,
        )?);
    }
    if cli.options.json {
        let results = reports.iter();
        let results = results.map(|report| (report.name.to_owned(), report.results.clone()));
        println!("{}", serde_json::Value::Object(results.collect()));
    }
    if cli.options.write {
        report::write(&reports)?;
    }
    Ok(())
}

fn probe(who: &str, clients: Option<usize>, ticks: Option<u64>) -> anyhow::Result<Probe> {
    if who == "aead" {
        return Ok(Probe::Aead);
    }
    let contender =
        <Contender as clap::ValueEnum>::from_str(who, false).map_err(anyhow::Error::msg)?;
    let (Some(clients), Some(ticks)) = (clients, ticks) else {
        anyhow::bail!("a probe of {who} needs a number of clients and one of ticks");
    };
    Ok(Probe::Crowd(contender, clients, ticks))
}
