//! `--plan`: what a run would read and what it would cost, before anything is fetched.

use offtrail_report::{Plan, Purpose, Tally, write_plan, write_plan_text};
use offtrail_sources::Items;

use crate::{
    args::{InputArgs, ListArgs},
    errors::Outcome,
    output::{self, Output},
    pipeline::run::list,
    progress::Talk,
};

/// Lists what a command would read, less what `left_out` leaves out as learnt before, and says what that would take.
///
/// # Errors
/// A source can't be listed, or standard output or the summary can't be written.
pub(crate) fn tell(
    (input, listed): (&InputArgs, &ListArgs),
    (command, purpose): (&str, Purpose),
    left_out: impl FnOnce(Items) -> anyhow::Result<Items>,
    talk: Talk,
) -> anyhow::Result<Outcome> {
    let mut tally = Tally::default();
    let (_, listing) = list((input, listed), &mut tally, talk)?;
    let found = listing.items.len();
    let items = left_out(listing.items)?;
    let settings = input.source_settings();
    let plan = Plan {
        command,
        purpose,
        files: (items.len() as u64, items.bytes()),
        objects: items.objects() as u64,
        lists: listing.requests,
        pruned: (listing.pruned.files, listing.pruned.ranges),
        learnt_before: (found - items.len()) as u64,
        problems: listing.problems.len() as u64,
        threads: input.threads(),
        ahead: (settings.in_flight, settings.in_flight_bytes_max),
    };
    let mut out = Output::stdout();
    if input.summary.as_deref() != Some("-".as_ref()) {
        write_plan_text(&mut out, &plan, output::style(&std::io::stdout()))?;
    }
    out.finish()?;
    if let Some(path) = &input.summary {
        let mut file = Output::open(Some(path))?;
        write_plan(&mut file, &plan)?;
        file.finish()?;
    }
    Ok(Outcome::Done)
}
