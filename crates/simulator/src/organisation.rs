//! The organisation's fixed facts: accounts, regions, networks, the calls and routines there are. What changes is in
//! the principals.

use crate::calls::Catalogue;
use crate::chance::Chance;
use crate::clock::{DAY, Millis, weekday};
use crate::network;
use crate::routines::Routines;
use crate::settings::Settings;

/// Index into [`REGIONS`].
pub(crate) type RegionId = usize;

/// Regions that appear; global services record in the first.
pub(crate) const REGIONS: &[&str] = &[
    "us-east-1",
    "eu-west-1",
    "eu-central-1",
    "us-west-2",
    "ap-southeast-2",
    "sa-east-1",
    "ap-northeast-1",
];
pub(crate) const GLOBAL_REGION: RegionId = 0;
pub(crate) const HOME_REGION: RegionId = 1;
pub(crate) const SECOND_REGION: RegionId = 3;
pub(crate) const NEW_REGION: RegionId = 2;

/// Applications, in the order they are handed out; later ones get a number.
const APPS: &[&str] = &[
    "checkout",
    "stock",
    "pricing",
    "loyalty",
    "returns",
    "invoices",
    "sign-up",
    "mailer",
    "thumbnails",
    "recommend",
    "ledger",
    "tracking",
    "feedback",
    "exporter",
    "importer",
    "geocode",
    "vouchers",
    "payouts",
    "matcher",
    "archiver",
    "renderer",
    "scheduler",
    "webhook",
    "session-store",
    "translate",
    "scoring",
    "quotas",
    "partners",
    "catalogue",
    "images",
    "forecast",
    "ticketing",
    "chat",
    "profiles",
    "address-book",
    "tax",
    "shipping",
    "fraud-check",
    "reports",
    "heartbeat",
    "dispatch",
    "planner",
    "reviews",
    "wallet",
    "streamer",
    "dedupe",
    "audience",
    "calendar",
    "printing",
    "warehouse",
];
const ENVIRONMENTS: &[&str] = &["core", "live", "stage", "lab"];

/// One AWS account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Addresses of its NAT gateways.
    pub(crate) nat: [String; 2],
}

/// An address from a day on.
pub(crate) type Since = Vec<(u32, String)>;

/// Facts that hold for everybody.
#[derive(Clone, Debug)]
pub(crate) struct Organisation {
    pub(crate) seed: u64,
    pub(crate) start: Millis,
    pub(crate) days: u32,
    pub(crate) catalogue: Catalogue,
    pub(crate) routines: Routines,
    pub(crate) accounts: Vec<Account>,
    /// Office and corporate VPN addresses, by the day from which they hold.
    pub(crate) office: Since,
    pub(crate) vpn: Since,
    apps_given: usize,
}

impl Organisation {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut chance = Chance::named(settings.seed, &["organisation"]);
        let accounts = (0..settings.scale.accounts())
            .map(|i| {
                let round = i / ENVIRONMENTS.len();
                let base = ENVIRONMENTS[i % ENVIRONMENTS.len()];
                Account {
                    id: chance.digits(12),
                    name: if round == 0 {
                        base.to_owned()
                    } else {
                        format!("{base}{}", round + 1)
                    },
                    nat: [
                        network::address(&mut chance, network::CLOUD),
                        network::address(&mut chance, network::CLOUD),
                    ],
                }
            })
            .collect();
        let catalogue = Catalogue::new();
        Self {
            seed: settings.seed,
            start: settings.start_epoch_secs.div_euclid(86_400) * DAY,
            days: settings.days,
            routines: Routines::new(&catalogue),
            catalogue,
            accounts,
            office: vec![(0, network::inside(&mut chance, network::OFFICES[0]))],
            vpn: vec![(0, network::inside(&mut chance, network::OFFICES[2]))],
            apps_given: 0,
        }
    }

    pub(crate) fn end(&self) -> Millis {
        self.day_start(self.days)
    }

    pub(crate) fn day_start(&self, day: u32) -> Millis {
        self.start + Millis::from(day) * DAY
    }

    pub(crate) fn weekend(&self, day: u32) -> bool {
        weekday(self.day_start(day)) >= 5
    }

    /// This day, or the next working day after it.
    pub(crate) fn working_day(&self, mut day: u32) -> u32 {
        while self.weekend(day) {
            day += 1;
        }
        day
    }

    pub(crate) fn account(&self, index: usize) -> &Account {
        &self.accounts[index]
    }

    /// The next application without an owner.
    pub(crate) fn new_app(&mut self) -> String {
        let i = self.apps_given;
        self.apps_given += 1;
        let base = APPS[i % APPS.len()];
        match i / APPS.len() {
            0 => base.to_owned(),
            round => format!("{base}-{}", round + 1),
        }
    }
}

/// What holds on a day.
pub(crate) fn holding(since: &Since, day: u32) -> &str {
    let at = since
        .iter()
        .rposition(|(from, _)| *from <= day)
        .unwrap_or(0);
    &since[at].1
}
