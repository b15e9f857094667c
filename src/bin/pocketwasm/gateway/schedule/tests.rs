//! Tests of the order in which calls run.

use super::*;

const BOUNDS: Bounds = Bounds {
    running: 4,
    running_of_plugin: 2,
    running_slow: 1,
    waiting: 6,
    waiting_of_plugin: 4,
};

fn name(name: &str) -> Arc<str> {
    name.into()
}

/// A schedule after one call of each plugin, of this many microseconds.
fn seasoned(paces: &[(&str, u64)]) -> Schedule<&'static str> {
    let mut schedule = Schedule::new(BOUNDS);
    for (plugin, micros) in paces {
        run(&mut schedule, plugin, *micros);
    }
    schedule
}

/// Runs a call that is the only one waiting.
fn run(schedule: &mut Schedule<&'static str>, plugin: &str, micros: u64) {
    schedule
        .add(&name(plugin), CallOrder::First, "call")
        .unwrap();
    let (ticket, next, _) = schedule.next(ThreadKind::Any).unwrap();
    assert_eq!(&*next, plugin);
    schedule.ended(ticket, Duration::from_micros(micros));
}

fn is_slow(schedule: &Schedule<&'static str>, plugin: &str) -> bool {
    schedule.queues[plugin].is_slow()
}

fn next(schedule: &mut Schedule<&'static str>, takes: ThreadKind) -> Option<String> {
    schedule
        .next(takes)
        .map(|(_, plugin, _)| plugin.to_string())
}

#[test]
fn plugins_take_turns() {
    let mut schedule = seasoned(&[("a", 10), ("b", 10)]);
    for plugin in ["a", "a", "a", "b"] {
        schedule
            .add(&name(plugin), CallOrder::First, "call")
            .unwrap();
    }
    let order: Vec<_> = std::iter::from_fn(|| next(&mut schedule, ThreadKind::Quick)).collect();
    // The third call of `a` waits, because only two calls of one plugin run at once.
    assert_eq!(order, ["a", "b", "a"]);
    assert_eq!(schedule.counts(), (1, 3));
}

#[test]
fn slow_plugins_share_what_is_theirs_and_leave_the_rest() {
    let mut schedule = seasoned(&[("fast", 20), ("loop", 500_000), ("flood", 90_000)]);
    for plugin in ["loop", "flood", "fast"] {
        schedule
            .add(&name(plugin), CallOrder::First, "call")
            .unwrap();
    }
    assert_eq!(
        next(&mut schedule, ThreadKind::Quick).as_deref(),
        Some("fast")
    );
    assert_eq!(next(&mut schedule, ThreadKind::Quick), None);
    assert_eq!(
        next(&mut schedule, ThreadKind::Slow).as_deref(),
        Some("loop")
    );
    assert_eq!(
        next(&mut schedule, ThreadKind::Slow).as_deref(),
        Some("flood")
    );
    schedule
        .add(&name("fast"), CallOrder::First, "call")
        .unwrap();
    assert_eq!(next(&mut schedule, ThreadKind::Slow), None);
}

#[test]
fn threads_are_for_quick_calls_and_some_for_slow_ones() {
    let threads = |running, running_slow| {
        let bounds = Bounds {
            running,
            running_slow,
            ..BOUNDS
        };
        bounds.threads().collect::<Vec<_>>()
    };
    assert_eq!(
        threads(3, 1),
        [ThreadKind::Slow, ThreadKind::Quick, ThreadKind::Quick]
    );
    assert_eq!(threads(1, 1), [ThreadKind::Any]);
    assert_eq!(threads(2, 5), [ThreadKind::Any; 2]);
}

#[test]
fn a_plugin_that_has_used_less_goes_first() {
    let mut schedule = seasoned(&[("long", 50_000), ("short", 2_000)]);
    let mut order = String::new();
    for _ in 0..2 {
        schedule
            .add(&name("long"), CallOrder::First, "call")
            .unwrap();
        schedule
            .add(&name("short"), CallOrder::First, "call")
            .unwrap();
    }
    for _ in 0..12 {
        let (ticket, plugin, _) = schedule.next(ThreadKind::Slow).unwrap();
        let (micros, letter) = match &*plugin {
            "long" => (10_000, 'l'),
            _ => (2_000, 's'),
        };
        order.push(letter);
        schedule.ended(ticket, Duration::from_micros(micros));
        schedule.add(&plugin, CallOrder::First, "call").unwrap();
    }
    // About five short calls run for each long one, in whatever order they came.
    assert_eq!(order, "lssssslsssss");

    // A plugin that was idle has no claim to the time it did not use.
    schedule
        .add(&name("new"), CallOrder::First, "call")
        .unwrap();
    let (ticket, ..) = schedule.next(ThreadKind::Quick).unwrap();
    schedule.ended(ticket, Duration::from_millis(2));
    assert!(schedule.queues["new"].used >= Duration::from_millis(10));
}

#[test]
fn a_slip_makes_nobody_slow_and_a_habit_does() {
    let mut schedule = seasoned(&[("a", 10), ("b", 1_500)]);
    let mut call = |plugin: &str, micros| {
        run(&mut schedule, plugin, micros);
        is_slow(&schedule, plugin)
    };
    assert_eq!(
        [5_000, 5_000, 10, 5_000].map(|took| call("a", took)),
        [false, false, false, true]
    );
    assert_eq!(
        [10, 10, 10, 1_500].map(|took| call("b", took)),
        [true, true, false, false]
    );
}

#[test]
fn a_plugin_nobody_knows_yet_gets_one_call() {
    let mut schedule = Schedule::new(BOUNDS);
    schedule.add(&name("new"), CallOrder::First, "1").unwrap();
    schedule.add(&name("new"), CallOrder::First, "2").unwrap();
    assert!(schedule.next(ThreadKind::Slow).is_none());
    let (ticket, ..) = schedule.next(ThreadKind::Quick).unwrap();
    assert!(schedule.next(ThreadKind::Any).is_none());
    schedule.ended(ticket, Duration::from_micros(10));
    assert!(schedule.next(ThreadKind::Quick).is_some());
    schedule.forget("new");
    schedule.add(&name("new"), CallOrder::First, "3").unwrap();
    assert!(schedule.next(ThreadKind::Any).is_none());
}

#[test]
fn a_full_queue_says_which_bound_was_reached() {
    let mut schedule = Schedule::new(BOUNDS);
    for _ in 0..4 {
        schedule.add(&name("a"), CallOrder::First, "call").unwrap();
    }
    assert_eq!(
        schedule.add(&name("a"), CallOrder::First, "call"),
        Err(Full::Plugin)
    );
    schedule.add(&name("b"), CallOrder::First, "call").unwrap();
    schedule.add(&name("b"), CallOrder::First, "call").unwrap();
    assert_eq!(
        schedule.add(&name("c"), CallOrder::First, "call"),
        Err(Full::Queue)
    );
}

#[test]
fn what_was_begun_is_never_refused_and_goes_first() {
    let mut schedule = seasoned(&[("a", 10)]);
    for _ in 0..4 {
        schedule
            .add(&name("a"), CallOrder::First, "begins")
            .unwrap();
    }
    assert_eq!(
        schedule.add(&name("a"), CallOrder::First, "begins"),
        Err(Full::Plugin)
    );
    schedule.add(&name("a"), CallOrder::Last, "ends").unwrap();
    assert_eq!(schedule.next(ThreadKind::Any).unwrap().2, "ends");
    assert_eq!(schedule.next(ThreadKind::Any).unwrap().2, "begins");
}

#[test]
fn a_withdrawn_call_makes_room_and_never_runs() {
    let mut schedule = Schedule::new(BOUNDS);
    let ticket = schedule.add(&name("a"), CallOrder::First, "call").unwrap();
    assert_eq!(schedule.withdraw("a", ticket), Some("call"));
    assert_eq!(schedule.withdraw("a", ticket), None);
    assert_eq!(schedule.counts(), (0, 0));
    assert!(schedule.next(ThreadKind::Any).is_none());
    schedule.add(&name("a"), CallOrder::First, "again").unwrap();
    assert_eq!(next(&mut schedule, ThreadKind::Any).as_deref(), Some("a"));
    assert!(schedule.turns.is_empty());
}

#[test]
fn clearing_hands_back_what_waits() {
    let mut schedule = Schedule::new(BOUNDS);
    schedule.add(&name("a"), CallOrder::First, "runs").unwrap();
    schedule.add(&name("a"), CallOrder::First, "waits").unwrap();
    schedule.next(ThreadKind::Any).unwrap();
    assert_eq!(schedule.clear(), ["waits"]);
    assert_eq!(schedule.counts(), (0, 1));
}
