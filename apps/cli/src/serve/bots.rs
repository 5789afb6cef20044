//! The server's own bots: real clients over loopback, in the same process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tickwire_core::{CongestionControl, PublicKey};
use tickwire_game::Name;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Args;
use super::tokens::Tokens;
use crate::join::bot::{self, BotTrust, Order, Plan, Report};
use crate::join::broken;
use crate::output;

/// Time for bots to notice that the server is gone.
const PATIENCE: Duration = Duration::from_millis(300);

/// Bots at play.
#[derive(Debug)]
pub(super) struct Bots {
    tasks: JoinSet<anyhow::Result<Report>>,
    orders: watch::Sender<Order>,
}

impl Bots {
    /// Lets bots join the server that listens at `bound` and has this key.
    pub(super) fn start(
        args: &Args,
        bound: SocketAddr,
        key: PublicKey,
        tokens: &Tokens,
    ) -> anyhow::Result<Self> {
        let (orders, receiver) = watch::channel(Order::Play);
        let mut tasks = JoinSet::new();
        let server = reachable(bound);
        for number in 0..args.bots {
            let plan = Plan {
                server,
                trust: match tokens.of_bot(number, server, key)? {
                    Some(token) => BotTrust::Token(token),
                    None => BotTrust::Own(key),
                },
                name: Name::new("Bot").expect("it is short and plain"),
                number,
                tick_rate_hz: args.tick_rate,
                congestion: CongestionControl::default(),
                redundancy: args.redundancy,
                is_announced: false,
                duration: None,
                rebind_every: None,
                record: None,
            };
            tasks.spawn(bot::play(plan, receiver.clone()));
        }
        Ok(Self { tasks, orders })
    }

    /// Collects what the bots saw, once the server has said goodbye to all of them.
    pub(super) async fn finish(mut self) -> anyhow::Result<Vec<Report>> {
        let mut reports = Vec::new();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while let Ok(Some(report)) = tokio::time::timeout_at(deadline, self.tasks.join_next()).await
        {
            reports.push(report.map_err(broken)??);
        }
        self.orders.send_replace(Order::Abandon);
        while let Some(report) = self.tasks.join_next().await {
            reports.push(report.map_err(broken)??);
        }
        for report in &reports {
            if let Some(failure) = &report.failure {
                output::remark(&format!("bot {}: {failure:#}", report.name));
            }
        }
        reports.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(reports)
    }
}

/// How this host reaches what is bound here.
fn reachable(bound: SocketAddr) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    let loopback: IpAddr = if bound.is_ipv6() {
        Ipv6Addr::LOCALHOST.into()
    } else {
        Ipv4Addr::LOCALHOST.into()
    };
    SocketAddr::new(loopback, bound.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_interfaces_is_reached_over_loopback() {
        let through = |text: &str| reachable(text.parse().expect("an address")).to_string();
        assert_eq!(through("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(through("[::]:80"), "[::1]:80");
        assert_eq!(through("192.0.2.1:80"), "192.0.2.1:80");
    }
}
