//! A mapping between two definitions as one rule for each upstream dimension, so that it works on boxes of ranges and not on keys.

use super::axis::Axis;
use super::mapping::mismatch;
use super::runs::{self, Runs};
use super::{Dimension, DimensionDef, KeySet, KeySpace, Mapping, PartitionsDef};
use crate::error::{Error, ErrorKind, Result};

/// One rule for each upstream dimension, in the order of the axes.
pub(super) struct Plan<'m> {
    rules: Vec<Rule<'m>>,
}

/// What an upstream dimension takes.
#[derive(Clone, Copy)]
enum Rule<'m> {
    All,
    Last,
    Keys(&'m [String]),
    /// What the downstream dimension at this place of the axes has.
    Follow(usize, Relation<'m>),
}

/// How keys of two dimensions belong together.
#[derive(Clone, Copy)]
enum Relation<'m> {
    Identity,
    Offset(i64, i64),
    Overlap,
    Map(&'m [(String, Vec<String>)]),
}

/// Whether a mapping that names no keys fits.
pub(super) fn fits(mapping: &Mapping, up: &PartitionsDef, down: &PartitionsDef) -> bool {
    rules(mapping, up, down).is_some()
}

/// The rules of a mapping.
pub(super) fn plan<'m>(mapping: &'m Mapping, up: &PartitionsDef, down: &PartitionsDef) -> Result<Plan<'m>> {
    if let Mapping::Dimensions(named) = mapping {
        return dimensions(named, up, down);
    }
    let why = || format!("do not go together by {}", mapping.name());
    rules(mapping, up, down).map(|rules| Plan { rules }).ok_or_else(|| mismatch(&why(), up, down))
}

/// The rules of a mapping by dimension for an asset that is not partitioned.
pub(super) fn constants<'m>(named: &'m [(String, Mapping)], up: &PartitionsDef) -> Result<Plan<'m>> {
    let ups: Vec<&Dimension> = up.sorted().collect();
    let mut rules = vec![Rule::All; ups.len()];
    for (name, mapping) in named {
        let at = position(&ups, name).ok_or_else(|| no_dimension(name, up))?;
        rules[at] = constant(mapping).ok_or_else(|| {
            let message = format!("the mapping {} of the dimension `{name}` needs a dimension to follow", mapping.name());
            Error::new(ErrorKind::Partitions, message).help("mappings that would do: `all`, `last`, `keys`")
        })?;
        check_rule(&rules[at], ups[at], None)?;
    }
    Ok(Plan { rules })
}

/// The last key of a space.
pub(super) fn last(space: &KeySpace) -> KeySet {
    let mut set = space.none();
    if let Some(last) = space.len().checked_sub(1) {
        set.insert(last);
    }
    set
}

fn rules<'m>(mapping: &'m Mapping, up: &PartitionsDef, down: &PartitionsDef) -> Option<Vec<Rule<'m>>> {
    let (ups, downs): (Vec<&Dimension>, Vec<&Dimension>) = (up.sorted().collect(), down.sorted().collect());
    if let Some(rule) = constant(mapping) {
        return Some(vec![rule; ups.len()]);
    }
    let by_identity = || identity(up, down, &ups, &downs);
    match mapping {
        Mapping::Identity => by_identity(),
        Mapping::Offset { start, end } => {
            let (at, follows) = time_pair(&ups, &downs)?;
            let same = ups[at].def == downs[follows].def && ups[at].definition == downs[follows].definition;
            let mut rules = if same && start <= end { others(up, down, &ups, &downs)? } else { return None };
            rules[at] = Rule::Follow(follows, Relation::Offset(*start, *end));
            Some(rules)
        }
        Mapping::Overlap => {
            let (at, follows) = time_pair(&ups, &downs)?;
            let mut rules = others(up, down, &ups, &downs)?;
            rules[at] = Rule::Follow(follows, Relation::Overlap);
            Some(rules)
        }
        _ => None,
    }
}

fn constant(mapping: &Mapping) -> Option<Rule<'_>> {
    match mapping {
        Mapping::All => Some(Rule::All),
        Mapping::Last => Some(Rule::Last),
        Mapping::Keys(keys) => Some(Rule::Keys(keys)),
        _ => None,
    }
}

/// The same definition, or one that is exactly one dimension of the other.
fn identity<'m>(up: &PartitionsDef, down: &PartitionsDef, ups: &[&Dimension], downs: &[&Dimension]) -> Option<Vec<Rule<'m>>> {
    let only = |dimensions: &[&Dimension], wanted: &Dimension| {
        let mut places = dimensions.iter().enumerate().filter(|(_, dimension)| alike(dimension, wanted)).map(|(place, _)| place);
        places.next().filter(|_| places.next().is_none())
    };
    if up == down {
        return Some((0..ups.len()).map(|place| Rule::Follow(place, Relation::Identity)).collect());
    }
    match (up.is_multi(), down.is_multi()) {
        (true, false) => {
            let mut rules = vec![Rule::All; ups.len()];
            rules[only(ups, downs[0])?] = Rule::Follow(0, Relation::Identity);
            Some(rules)
        }
        (false, true) => Some(vec![Rule::Follow(only(downs, ups[0])?, Relation::Identity)]),
        _ => None,
    }
}

/// The rules of the dimensions beside the one of time: the same keys where both definitions have them, and all where only the upstream
/// one has several dimensions. Two of several must agree in them.
fn others<'m>(up: &PartitionsDef, down: &PartitionsDef, ups: &[&Dimension], downs: &[&Dimension]) -> Option<Vec<Rule<'m>>> {
    let is_time = |dimension: &Dimension| matches!(dimension.def, DimensionDef::Time(_));
    let rules = ups.iter().map(|dimension| {
        let same = downs.iter().position(|other| other.name == dimension.name && alike(dimension, other));
        match same {
            Some(place) => Some(Rule::Follow(place, Relation::Identity)),
            None if is_time(dimension) || !(up.is_multi() && down.is_multi()) => Some(Rule::All),
            None => None,
        }
    });
    rules.collect()
}

/// Whether two dimensions are of one definition.
fn alike(one: &Dimension, other: &Dimension) -> bool {
    one.definition == other.definition && one.def == other.def
}

/// The only time dimension of each.
fn time_pair(ups: &[&Dimension], downs: &[&Dimension]) -> Option<(usize, usize)> {
    let only = |dimensions: &[&Dimension]| {
        let mut places = dimensions
            .iter()
            .enumerate()
            .filter(|(_, dimension)| matches!(dimension.def, DimensionDef::Time(_)))
            .map(|(place, _)| place);
        places.next().filter(|_| places.next().is_none())
    };
    Some((only(ups)?, only(downs)?))
}

fn dimensions<'m>(named: &'m [(String, Mapping)], up: &PartitionsDef, down: &PartitionsDef) -> Result<Plan<'m>> {
    let (ups, downs): (Vec<&Dimension>, Vec<&Dimension>) = (up.sorted().collect(), down.sorted().collect());
    if !up.is_multi() {
        // The upstream follows one dimension of several.
        let [(name, mapping)] = named else {
            return Err(mismatch("do not go together by several `dimensions`", up, down));
        };
        let follows = position(&downs, name).filter(|_| down.is_multi()).ok_or_else(|| no_dimension(name, down))?;
        return Ok(Plan { rules: vec![follow(mapping, (ups[0], name), Some((follows, downs[follows])), (up, down))?] });
    }
    let counterpart = |dimension: &Dimension| {
        if down.is_multi() { position(&downs, &dimension.name) } else { Some(0) }.map(|place| (place, downs[place]))
    };
    let mut rules: Vec<Option<Rule<'m>>> = vec![None; ups.len()];
    for (name, mapping) in named {
        let at = position(&ups, name).ok_or_else(|| no_dimension(name, up))?;
        if rules[at].is_some() {
            return Err(Error::new(ErrorKind::Partitions, format!("the mapping names the dimension `{name}` twice")));
        }
        rules[at] = Some(follow(mapping, (ups[at], name), counterpart(ups[at]), (up, down))?);
    }
    let taken = |place: usize| rules.iter().flatten().any(|rule| matches!(rule, Rule::Follow(taken, _) if *taken == place));
    let rest = |dimension: &Dimension| match counterpart(dimension) {
        // Where there is one downstream dimension only, a mapping that was written for another dimension has it already.
        Some((place, _)) if !down.is_multi() && taken(place) => Ok(Rule::All),
        Some((place, other)) if alike(dimension, other) => Ok(Rule::Follow(place, Relation::Identity)),
        Some((place, other)) if both_time(dimension, other) => Ok(Rule::Follow(place, Relation::Overlap)),
        Some(_) if down.is_multi() => {
            Err(mismatch(&format!("differ in the dimension `{}`, for which no mapping is given", dimension.name), up, down))
        }
        _ => Ok(Rule::All),
    };
    let rest = ups.iter().zip(&rules).map(|(dimension, rule)| rule.map_or_else(|| rest(dimension), Ok));
    Ok(Plan { rules: rest.collect::<Result<_>>()? })
}

/// The rule of one dimension by a mapping that was written for it.
fn follow<'m>(
    mapping: &'m Mapping,
    (dimension, name): (&Dimension, &str),
    counterpart: Option<(usize, &Dimension)>,
    (up, down): (&PartitionsDef, &PartitionsDef),
) -> Result<Rule<'m>> {
    let rule = match (mapping, counterpart) {
        (Mapping::All | Mapping::Last | Mapping::Keys(_), _) => constant(mapping),
        (Mapping::Identity, Some((place, other))) if alike(dimension, other) => Some(Rule::Follow(place, Relation::Identity)),
        (Mapping::Overlap, Some((place, other))) if both_time(dimension, other) => Some(Rule::Follow(place, Relation::Overlap)),
        (Mapping::Offset { start, end }, Some((place, other)))
            if start <= end && alike(dimension, other) && both_time(dimension, other) =>
        {
            Some(Rule::Follow(place, Relation::Offset(*start, *end)))
        }
        (Mapping::Map(pairs), Some((place, _))) => Some(Rule::Follow(place, Relation::Map(pairs))),
        _ => None,
    };
    let rule =
        rule.ok_or_else(|| mismatch(&format!("do not go together by {} of the dimension `{name}`", mapping.name()), up, down))?;
    check_rule(&rule, dimension, counterpart.map(|(_, other)| other))?;
    Ok(rule)
}

/// Whether the keys that a rule names can be ones.
fn check_rule(rule: &Rule<'_>, up: &Dimension, down: Option<&Dimension>) -> Result<()> {
    match rule {
        Rule::Keys(keys) => keys.iter().try_for_each(|key| up.check_key(key)),
        Rule::Follow(_, Relation::Map(pairs)) => pairs.iter().try_for_each(|(key, keys)| {
            down.map_or(Ok(()), |down| down.check_key(key))?;
            keys.iter().try_for_each(|key| up.check_key(key))
        }),
        _ => Ok(()),
    }
}

fn both_time(one: &Dimension, other: &Dimension) -> bool {
    matches!((&one.def, &other.def), (DimensionDef::Time(_), DimensionDef::Time(_)))
}

fn position(dimensions: &[&Dimension], name: &str) -> Option<usize> {
    dimensions.iter().position(|dimension| dimension.name == name)
}

fn no_dimension(name: &str, def: &PartitionsDef) -> Error {
    let known: Vec<&str> = def.sorted().map(|dimension| dimension.name.as_str()).filter(|name| !name.is_empty()).collect();
    let message = format!("`{}` has no dimension `{name}`", def.name());
    Error::new(ErrorKind::Partitions, message).help(crate::error::known_names(name, "dimensions", known))
}

impl Plan<'_> {
    /// What an asset takes that is not partitioned.
    pub(super) fn constant(&self, up: &KeySpace) -> Result<KeySet> {
        let places = self.rules.iter().zip(up.axes()).map(|(rule, axis)| constant_places(rule, axis, up));
        Ok(up.boxed(&places.collect::<Result<Vec<_>>>()?))
    }

    pub(super) fn upstream(&self, down: &KeySet, up: &KeySpace) -> Result<KeySet> {
        let fixed =
            self.rules.iter().zip(up.axes()).map(|(rule, axis)| constant_places(rule, axis, up)).collect::<Result<Vec<_>>>()?;
        let mut all = up.none();
        let mut boxes = down.run_boxes();
        // Where two upstream dimensions follow one of the downstream ones, they follow the same key of it.
        for axis in (0..down.space().axes().len()).filter(|axis| self.follow(*axis) > 1) {
            boxes = boxes.into_iter().flat_map(|each| single_places(&each, axis)).collect();
        }
        // A dimension that nothing follows makes no difference, so boxes that differ only in it count once.
        let mut seen = std::collections::HashSet::new();
        for mut each in boxes {
            for (axis, places) in each.iter_mut().enumerate() {
                if self.follow(axis) == 0 {
                    places.clear();
                }
            }
            if !seen.insert(each.clone()) {
                continue;
            }
            let places = self.rules.iter().zip(up.axes()).zip(&fixed).map(|((rule, axis), fixed)| match rule {
                Rule::Follow(from, relation) => forward(*relation, &each[*from], &down.space().axes()[*from], axis, up),
                _ => Ok(fixed.clone()),
            });
            all.extend(&runs::product(&places.collect::<Result<Vec<_>>>()?, up.lengths()));
        }
        Ok(all)
    }

    pub(super) fn downstream(&self, up: &KeySet, down: &KeySpace) -> Result<KeySet> {
        let space = up.space();
        let fixed = self
            .rules
            .iter()
            .zip(space.axes())
            .map(|(rule, axis)| constant_places(rule, axis, space))
            .collect::<Result<Vec<_>>>()?;
        let mut all = down.none();
        let mut seen = std::collections::HashSet::new();
        'boxes: for each in up.run_boxes() {
            let mut places: Vec<Runs> = down.axes().iter().map(|axis| runs::below(axis.len())).collect();
            for (((rule, axis), fixed), own) in self.rules.iter().zip(space.axes()).zip(&fixed).zip(&each) {
                match rule {
                    Rule::Follow(to, relation) => {
                        let fed = backward(*relation, own, axis, &down.axes()[*to], down)?;
                        places[*to] = runs::intersection(&places[*to], &fed);
                    }
                    _ if runs::intersection(own, fixed).is_empty() => continue 'boxes,
                    _ => {}
                }
            }
            if seen.insert(places.clone()) {
                all.extend(&runs::product(&places, down.lengths()));
            }
        }
        Ok(all)
    }

    /// How many upstream dimensions follow this downstream axis.
    fn follow(&self, axis: usize) -> usize {
        self.rules.iter().filter(|rule| matches!(rule, Rule::Follow(from, _) if *from == axis)).count()
    }
}

fn single_places(each: &[Runs], axis: usize) -> Vec<Vec<Runs>> {
    let single = |place| {
        let mut one = each.to_vec();
        one[axis] = vec![(place, place)];
        one
    };
    runs::numbers(&each[axis]).map(single).collect()
}

/// What a rule that follows nothing takes of an axis.
fn constant_places(rule: &Rule<'_>, axis: &Axis, space: &KeySpace) -> Result<Runs> {
    Ok(match rule {
        Rule::All => runs::below(axis.len()),
        Rule::Last => axis.len().checked_sub(1).map(|last| (last, last)).into_iter().collect(),
        Rule::Keys(keys) => places(keys, axis, space)?,
        Rule::Follow(..) => Runs::new(),
    })
}

fn places(keys: &[String], axis: &Axis, space: &KeySpace) -> Result<Runs> {
    Ok(runs::collect(keys.iter().map(|key| space.place(axis, key)).collect::<Result<_>>()?))
}

/// The upstream places that downstream places are made from.
fn forward(relation: Relation<'_>, places: &[(u64, u64)], down: &Axis, up: &Axis, space: &KeySpace) -> Result<Runs> {
    Ok(match relation {
        Relation::Identity => down.carry(places, up),
        Relation::Offset(start, end) => shift(places, start, end, up.len()),
        Relation::Overlap => overlap(places, down, up),
        Relation::Map(pairs) => {
            let mut all = Vec::new();
            for (key, keys) in pairs {
                if down.place(key).is_some_and(|place| has(places, place)) {
                    all.extend(runs::numbers(&self::places(keys, up, space)?));
                }
            }
            runs::collect(all)
        }
    })
}

/// The downstream places that upstream places feed.
fn backward(relation: Relation<'_>, places: &[(u64, u64)], up: &Axis, down: &Axis, space: &KeySpace) -> Result<Runs> {
    Ok(match relation {
        Relation::Identity => up.carry(places, down),
        Relation::Offset(start, end) => shift(places, end.saturating_neg(), start.saturating_neg(), down.len()),
        Relation::Overlap => overlap(places, up, down),
        Relation::Map(pairs) => {
            let feeds = |keys: &[String]| keys.iter().any(|key| up.place(key).is_some_and(|place| has(places, place)));
            let fed = pairs.iter().filter(|(_, keys)| feeds(keys)).map(|(key, _)| space.place(down, key));
            runs::collect(fed.collect::<Result<_>>()?)
        }
    })
}

fn has(runs: &[(u64, u64)], place: u64) -> bool {
    runs.iter().any(|(first, last)| (first..=last).contains(&&place))
}

/// Every place from `start` to `end` beside each of these, below a bound.
fn shift(places: &[(u64, u64)], start: i64, end: i64, bound: u64) -> Runs {
    let mut shifted = Runs::new();
    for &(first, last) in places {
        if last.checked_add_signed(end).is_some() || end >= 0 {
            runs::push(&mut shifted, first.saturating_add_signed(start), last.saturating_add_signed(end));
        }
    }
    runs::intersection(&shifted, &runs::below(bound))
}

/// The places of the windows on another axis that overlap the windows at these places.
fn overlap(places: &[(u64, u64)], from: &Axis, to: &Axis) -> Runs {
    let mut found = Runs::new();
    if let Some(def) = to.time() {
        for &(first, last) in places {
            let (Some(first), Some(last)) = (from.window(first), from.window(last)) else { continue };
            if let Some((first, last)) = def.overlapping(first.start, last.end) {
                runs::push(&mut found, first, last);
            }
        }
    }
    runs::intersection(&found, &runs::below(to.len()))
}
