use super::*;

fn options(runs: u32, threads: usize) -> ValidateOptions {
    ValidateOptions { profile: RadioProfile::published(), seed: 1, runs, threads }
}

fn of(bytes: u32, hz: u32) -> PublishedRun {
    let runs = published_runs().into_iter();
    let mut runs = runs.filter(|run| (run.mpdu_bytes, run.hz, run.power_dbm) == (bytes, hz, 23));
    runs.find(|run| run.busy.is_some()).unwrap()
}

#[test]
fn a_few_runs_are_near_the_published_figures_already() {
    let run = of(190, 10);
    let result = beside(run.clone(), &road::samples(&run, &options(4, 2)));
    assert!(result.mean_difference() < 0.02, "{}", text(&[result], true));
    assert!(result.busy.unwrap().difference().abs() < 0.01, "{:?}", result.busy);
    let (low, high) = result.delivery[8].interval.unwrap();
    assert!(low < result.delivery[8].measured && result.delivery[8].measured < high && high - low < 0.2);
}

#[test]
fn threads_change_no_figure_and_the_seed_does() {
    let run = of(190, 10);
    let samples = |seed, threads| road::samples(&run, &ValidateOptions { seed, ..options(3, threads) });
    assert_eq!(samples(1, 1), samples(1, 3));
    assert_ne!(samples(1, 1), samples(2, 1));
}

#[test]
fn a_channel_with_other_noise_is_not_the_published_one() {
    let run = of(190, 10);
    let profile = RadioProfile { noise_dbm: -90.0, ..RadioProfile::published() };
    let result = beside(run.clone(), &road::samples(&run, &ValidateOptions { profile, ..options(2, 2) }));
    assert!(!result.holds());
    let said = text(&[result], true);
    assert!(said.contains("NOT HELD") && said.contains("\n  300  "), "{said}");
}

#[test]
fn the_page_has_both_curves_and_the_text() {
    let run = of(500, 10);
    let result = beside(run.clone(), &road::samples(&run, &options(2, 2)));
    let page = page(&[result], "published", "roadcast replay validate", "0");
    assert!(page.contains("6 Mb/s, 10 Hz, 23 dBm, 500 B") && page.contains("receiver busy"), "{page}");
    assert_eq!(page.matches("<svg").count(), 2);
    assert!(
        page.matches("class=\"published\"").count() == 5 && page.matches("class=\"interval\"").count() > 50
    );
    assert!(page.ends_with("</html>\n"));
}
