//! Whole epochs: the same whatever the workers and the cache, in order, and over as soon as something breaks.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    sample::Sample,
    scheme::Scheme,
    split::Split,
    testing::{self, Memory},
    view::Crop,
};
use candle_core::Tensor;
use candle_vision_helpers::Size;
use std::sync::{LazyLock, atomic::Ordering};

fn config() -> LoaderConfig {
    let view = ViewSpec {
        width: 40,
        height: 32,
        grey: false,
        crop: Crop::Face { enlarge: 1.4 },
        mean: vec![0.5, 0.4, 0.3],
        std: vec![0.25, 0.5, 0.2],
    };
    let augment =
        Augment { flip: 0.5, rotation: 20.0, scale: 0.2, box_noise: 0.1, noise: 0.1, blur: 0.3, ..Augment::default() };
    LoaderConfig {
        batch: 4,
        view,
        augment: Some(augment),
        shuffle: true,
        drop_last: false,
        workers: 2,
        seed: 7,
        cache_bytes: 0,
        share: Share::WHOLE,
    }
}

fn loader(samples: usize, config: LoaderConfig) -> Loader {
    Loader::new(Arc::new(Memory::new(samples)), (0..samples).collect(), config).unwrap()
}

/// All numbers of an epoch, and the indices in order.
fn numbers(loader: &Loader, epoch: usize) -> (Vec<f32>, Vec<usize>) {
    let (mut values, mut indices) = (Vec::new(), Vec::new());
    for batch in loader.epoch(epoch) {
        let batch = batch.unwrap();
        for tensor in [&batch.images, &batch.points, &batch.weights] {
            values.extend(tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        }
        indices.extend(batch.items.iter().map(|item| item.index));
    }
    (values, indices)
}

#[test]
fn workers_and_cache_change_nothing() {
    let plain = loader(18, LoaderConfig { workers: 1, ..config() });
    let cached = loader(18, LoaderConfig { workers: 4, cache_bytes: 1 << 30, ..config() });
    let half = loader(18, LoaderConfig { workers: 3, cache_bytes: 60_000, ..config() });
    for epoch in [0, 1, 5, 1] {
        let expected = numbers(&plain, epoch);
        assert!(expected == numbers(&cached, epoch), "epoch {epoch} differs with a cache and four workers");
        assert!(expected == numbers(&half, epoch), "epoch {epoch} differs with a small cache and three workers");
    }
    assert_ne!(numbers(&plain, 0), numbers(&plain, 1));
    assert_ne!(numbers(&plain, 0), numbers(&loader(18, LoaderConfig { seed: 8, ..config() }), 0));
}

#[test]
fn every_sample_comes_once() {
    let all = loader(18, config());
    assert_eq!((all.batches(), all.samples()), (5, 18));
    let sizes: Vec<usize> = all.epoch(0).map(|b| b.unwrap().items.len()).collect();
    assert_eq!(sizes, [4, 4, 4, 4, 2]);
    let mut seen = numbers(&all, 0).1;
    assert_ne!(seen, (0..18).collect::<Vec<_>>());
    assert_ne!(seen, numbers(&all, 1).1);
    seen.sort_unstable();
    assert_eq!(seen, (0..18).collect::<Vec<_>>());

    let even = loader(18, LoaderConfig { drop_last: true, ..config() });
    assert_eq!((even.batches(), even.samples(), even.epoch(3).count()), (4, 16, 4));
    let given = vec![5, 3, 11];
    let fixed = LoaderConfig { shuffle: false, workers: 0, ..config() };
    let some = Loader::new(Arc::new(Memory::new(18)), given.clone(), fixed).unwrap();
    assert_eq!(numbers(&some, 2).1, given);
}

#[test]
fn tensors_hold_normalized_views_and_their_points() {
    let plain = LoaderConfig { augment: None, shuffle: false, ..config() };
    let (dataset, view) = (Memory::new(6), plain.view.clone());
    let batch = loader(6, plain).epoch(0).next().unwrap().unwrap();
    assert_eq!(batch.images.dims(), [4, 3, 32, 40]);
    assert_eq!((batch.points.dims(), batch.weights.dims()), (&[4, 3, 2][..], &[4, 3][..]));
    let images = batch.images.to_vec3_of(1);
    let expected = view.view(&dataset.get(1).unwrap(), None).unwrap();
    for ((c, y, x), v) in expected.image.indexed_iter() {
        let normal = (v - view.mean[c]) / view.std[c];
        assert!((images[c][y][x] - normal).abs() < 1e-5);
    }
    let points = batch.points.to_vec3::<f32>().unwrap();
    for (found, p) in points[1].iter().zip(expected.points.points()) {
        assert_eq!(found[..], [p.x as f32, p.y as f32]);
    }
    // Every third sample hides its last point.
    assert_eq!(batch.weights.to_vec2::<f32>().unwrap(), [[1.0, 1.0, 0.0], [1.0; 3], [1.0; 3], [1.0, 1.0, 0.0]]);
    let item = &batch.items[1];
    assert_eq!((item.id.as_str(), item.original, item.mirrored), ("sample 1", Size::new(100, 80), false));
    assert_eq!(item.truth, dataset.get(1).unwrap().points);
    assert_eq!(item.to_view, expected.to_view);
}

trait OneOf {
    fn to_vec3_of(&self, i: usize) -> Vec<Vec<Vec<f32>>>;
}

impl OneOf for Tensor {
    fn to_vec3_of(&self, i: usize) -> Vec<Vec<Vec<f32>>> {
        self.get(i).unwrap().to_vec3().unwrap()
    }
}

#[test]
fn an_error_comes_in_its_place_and_ends_the_epoch() {
    for workers in [1, 4] {
        let dataset = Memory { broken: Some(9), ..Memory::new(18) };
        let config = LoaderConfig { shuffle: false, workers, ..config() };
        let loader = Loader::new(Arc::new(dataset), (0..18).collect(), config).unwrap();
        let results: Vec<_> = loader.epoch(0).collect();
        assert_eq!(results.len(), 3);
        assert!(results[..2].iter().all(Result::is_ok));
        let error = results[2].as_ref().unwrap_err().to_string();
        assert!(error.starts_with("9.png: expected a whole JPEG"), "{error}");
    }
}

#[test]
fn a_panic_is_an_error() {
    let dataset = Memory { panics: Some(2), ..Memory::new(18) };
    let loader =
        Loader::new(Arc::new(dataset), (0..18).collect(), LoaderConfig { shuffle: false, ..config() }).unwrap();
    let results: Vec<_> = loader.epoch(0).collect();
    let error = results[0].as_ref().unwrap_err().to_string();
    assert!(results.len() == 1 && error.contains("sample 2 is cursed"), "{error}");
}

#[test]
fn dropping_the_epoch_stops_the_workers() {
    let dataset = Arc::new(Memory::new(400));
    let loader = Loader::new(Arc::clone(&dataset) as Arc<dyn Dataset>, (0..400).collect(), config()).unwrap();
    let mut epoch = loader.epoch(0);
    for taken in 1..=3 {
        epoch.next().unwrap().unwrap();
        // Two workers, two batches of four each, beyond what was taken.
        assert!(dataset.reads.load(Ordering::SeqCst) <= (taken + 4) * 4);
    }
    drop(epoch);
    let reads = dataset.reads.load(Ordering::SeqCst);
    assert!(reads <= 7 * 4, "{reads} samples were read");
    // The loader holds the dataset, its threads no longer do.
    assert_eq!(Arc::strong_count(&loader.source), 1);
    drop(loader.epoch(1));
}

#[test]
fn cached_samples_are_read_once() {
    let reads = |cache_bytes: usize| {
        let dataset = Arc::new(Memory::new(12));
        let config = LoaderConfig { cache_bytes, ..config() };
        let loader = Loader::new(Arc::clone(&dataset) as Arc<dyn Dataset>, (0..12).collect(), config).unwrap();
        (0..3).for_each(|epoch| drop(numbers(&loader, epoch)));
        dataset.reads.load(Ordering::SeqCst)
    };
    assert_eq!((reads(0), reads(1 << 30)), (36, 12));
    let some = reads(60_000);
    assert!(some > 12 && some < 36, "{some}");
}

/// Samples of something whose mirror image is no such thing.
struct Unmirrored(Memory);

impl Dataset for Unmirrored {
    fn scheme(&self) -> &Arc<Scheme> {
        static WING: LazyLock<Arc<Scheme>> = LazyLock::new(|| testing::scheme("name = 'wing'\npoints = 3"));
        &WING
    }
    fn len(&self) -> usize {
        self.0.len
    }
    fn get(&self, i: usize) -> Result<Sample> {
        self.0.get(i)
    }
    fn split(&self, split: Split) -> Result<Vec<usize>> {
        self.0.split(split)
    }
    fn describe(&self) -> String {
        self.0.describe()
    }
}

#[test]
fn impossible_settings_are_refused() {
    let new =
        |samples: Vec<usize>, config| Loader::new(Arc::new(Memory::new(5)), samples, config).err().unwrap().to_string();
    assert!(new(vec![], config()).contains("at least 1 sample"));
    assert!(new(vec![0, 5], config()).contains("below 5, got 5"));
    assert!(new(vec![0], LoaderConfig { batch: 0, ..config() }).contains("batch size"));
    assert!(new(vec![0], LoaderConfig { drop_last: true, ..config() }).contains("at least 4 sample"));
    let augment = Some(Augment { flip: 2.0, ..Augment::default() });
    assert!(new(vec![0], LoaderConfig { augment, ..config() }).contains("augment.flip"));
    let error = Loader::new(Arc::new(Unmirrored(Memory::new(5))), vec![0], config()).err().unwrap().to_string();
    assert_eq!(error, "augment.flip: expected 0, since the scheme wing has no mirror pairs, got 0.5");
    let view = ViewSpec { grey: true, ..config().view };
    assert!(new(vec![0], LoaderConfig { view, ..config() }).contains("view.mean: expected 1 value, got 3"));
    // five samples in batches of four: the last one has one
    let error = new((0..5).collect(), LoaderConfig { share: Share { part: 0, of: 2 }, ..config() });
    assert_eq!(error, "loader: expected a sample or more for each of 2 shares, got a batch of 1");
}

/// 18 samples in batches of 4, the last one of 2.
#[test]
fn two_shares_are_together_what_one_process_has() {
    let share = |part| loader(18, LoaderConfig { share: Share { part, of: 2 }, ..config() });
    let (whole, halves) = (loader(18, config()), [share(0), share(1)]);
    assert_eq!([&halves[0], &halves[1], &whole].map(|l| (l.batches(), l.samples())), [(5, 18); 3]);
    let batches = |l: &Loader| l.epoch(3).map(Result::unwrap).collect::<Vec<Batch>>();
    let (whole, [a, b]) = (batches(&whole), [batches(&halves[0]), batches(&halves[1])]);
    assert_eq!((whole.len(), a.len(), b.len()), (5, 5, 5));
    for ((whole, a), b) in whole.iter().zip(&a).zip(&b) {
        let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(a.items.len(), whole.items.len() / 2);
        assert_eq!([values(&a.images), values(&b.images)].concat(), values(&whole.images));
        assert_eq!([values(&a.points), values(&b.points)].concat(), values(&whole.points));
    }
}

#[test]
fn every_sample_and_epoch_has_its_own_stream() {
    use rand::RngExt;
    let first = |seed, epoch, index| rng(seed, epoch, index).random::<u64>();
    let keys = (0..6).flat_map(|s| (0..6).flat_map(move |e| (0..6).map(move |i| (s, e, i))));
    let distinct: std::collections::HashSet<u64> = keys.map(|(s, e, i)| first(s, e, i)).collect();
    assert_eq!(distinct.len(), 216);
    assert_eq!(first(3, 4, 5), first(3, 4, 5));
}
