//! `3DTILES_batch_table_hierarchy`: features are instances of classes and inherit from their parents.

use super::batch_table::{Problems, binary_values, vector};
use super::feature_table::component_type;
use crate::decode::bytes::{Fault, items, malformed, slice, uint};
use crate::{Hierarchy, Number};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, VecDeque};

/// Most values of all inherited properties together, and most steps from features to their ancestors.
const MAX_STEPS: usize = 1 << 24;

/// A class with its properties.
struct Class {
    name: String,
    properties: Vec<(String, Vec<Json>)>,
}

/// Instances with their classes and parents.
struct Tree {
    /// Class of each instance, and the row that it has there.
    rows: Vec<(usize, usize)>,
    /// Where each instance's parents begin in `parents`; one more at the end.
    starts: Vec<usize>,
    parents: Vec<usize>,
}

/// Every property that a feature has by its class or inherits, by name, for `count` features, `null` where one does
/// not have it; and the classes. The nearest instance wins: a feature itself, its parents in their order, their parents, and so on.
pub(super) fn inherited(
    json: &Json,
    body: &[u8],
    count: usize,
    problems: &mut Problems,
) -> Result<(Map<String, Json>, Hierarchy), Fault> {
    let instances = uint(&json["instancesLength"]).unwrap_or(0);
    if instances < count {
        return malformed(format!("{instances} instances for {count} features"));
    }
    // Properties may share bytes of the body, so only this bounds what they unfold to.
    let mut room = MAX_STEPS;
    let read = |class| read_class(class, body, &mut room, problems);
    let classes: Vec<Class> = items(&json["classes"]).iter().map(read).collect();
    let tree = read_tree(json, body, instances, classes.len())?;
    if tree.has_cycle() {
        return malformed("an instance is its own ancestor");
    }
    let mut out = Map::new();
    for (name, _) in classes.iter().flat_map(|class| &class.properties) {
        out.insert(name.clone(), Json::Null);
    }
    if out.len().saturating_mul(count) > MAX_STEPS {
        return Err(Fault::TooLarge(format!("{} inherited properties of {count} features", out.len())));
    }
    out.values_mut().for_each(|rows| *rows = vec![Json::Null; count].into());
    let mut hierarchy =
        Hierarchy { classes: classes.iter().map(|class| class.name.clone()).collect(), ..Hierarchy::default() };
    let mut lines = BTreeMap::new();
    let mut steps = 0;
    let mut seen_by = vec![usize::MAX; instances];
    for feature in 0..count {
        let mut queue = VecDeque::from([feature]);
        let mut line = Vec::new();
        while let Some(instance) = queue.pop_front() {
            if std::mem::replace(&mut seen_by[instance], feature) == feature {
                continue;
            }
            let (class, row) = tree.rows[instance];
            if !line.contains(&(class as u32)) {
                line.push(class as u32);
            }
            for (name, values) in &classes[class].properties {
                let slot = out.get_mut(name).and_then(|rows| rows.get_mut(feature));
                if let (Some(slot @ Json::Null), Some(value)) = (slot, values.get(row)) {
                    *slot = value.clone();
                }
            }
            let parents = tree.parents_of(instance);
            steps += 1 + parents.len() + classes[class].properties.len();
            if steps > MAX_STEPS {
                return Err(Fault::TooLarge("the features have too many ancestors".into()));
            }
            steps += line.len();
            queue.extend(parents);
        }
        let next = lines.len() as u32;
        hierarchy.line_of.push(*lines.entry(line).or_insert(next));
    }
    hierarchy.lines = vec![Vec::new(); lines.len()];
    for (line, number) in lines {
        hierarchy.lines[number as usize] = line;
    }
    Ok((out, hierarchy))
}

fn read_class(json: &Json, body: &[u8], room: &mut usize, problems: &mut Problems) -> Class {
    let count = uint(&json["length"]).unwrap_or(0);
    let mut properties = Vec::new();
    for (name, stored) in json["instances"].as_object().into_iter().flatten() {
        let Some(left) = room.checked_sub(count) else {
            problems.push((name.clone(), Fault::TooLarge("the classes have too many values".into())));
            continue;
        };
        *room = left;
        let values = match stored {
            Json::Array(values) if values.len() >= count => Ok(values[..count].to_vec()),
            Json::Array(values) => malformed(format!("{} values for {count} instances", values.len())),
            stored => binary_values(stored, body, count).map(|v| (0..count).map(|i| vector(&v, i)).collect()),
        };
        match values {
            Ok(values) => properties.push((name.clone(), values)),
            Err(fault) => problems.push((name.clone(), fault)),
        }
    }
    Class { name: json["name"].as_str().unwrap_or_default().to_owned(), properties }
}

fn read_tree(json: &Json, body: &[u8], instances: usize, classes: usize) -> Result<Tree, Fault> {
    let Some(class_ids) = whole_numbers(&json["classIds"], body, instances, "classIds")? else {
        return malformed("classIds are missing");
    };
    let mut sizes = vec![0usize; classes];
    let mut rows = Vec::with_capacity(class_ids.len());
    for class in class_ids {
        let Some(size) = sizes.get_mut(class) else { return malformed(format!("class {class} of {classes}")) };
        rows.push((class, *size));
        *size += 1;
    }
    let counts = whole_numbers(&json["parentCounts"], body, instances, "parentCounts")?;
    let mut starts = vec![0];
    let mut total = 0usize;
    for i in 0..instances {
        total = total.saturating_add(counts.as_ref().map_or(1, |counts| counts[i]));
        starts.push(total);
    }
    let parents = match whole_numbers(&json["parentIds"], body, total, "parentIds")? {
        Some(parents) => parents,
        // Nobody has parents.
        None => {
            starts.fill(0);
            Vec::new()
        }
    };
    match parents.iter().find(|parent| **parent >= instances) {
        Some(parent) => malformed(format!("parent {parent} of {instances} instances")),
        None => Ok(Tree { rows, starts, parents }),
    }
}

/// `count` whole numbers, listed or in the body; `None` when there are none.
fn whole_numbers(json: &Json, body: &[u8], count: usize, name: &str) -> Result<Option<Vec<usize>>, Fault> {
    if let Json::Array(values) = json {
        let values: Option<Vec<usize>> = values.iter().take(count).map(uint).collect();
        return match values.filter(|values| values.len() == count) {
            Some(values) => Ok(Some(values)),
            None => malformed(format!("{name} are not {count} whole numbers")),
        };
    }
    let Some(offset) = uint(&json["byteOffset"]) else { return Ok(None) };
    let number = json["componentType"].as_str().map_or(Ok(Number::U16), component_type)?;
    let Some(len) = count.checked_mul(number.size()) else { return malformed("absurd count") };
    let bytes = slice(body, offset, len, name)?;
    let values: Option<Vec<usize>> =
        (0..count).map(|i| number.read_uint(bytes, i).and_then(|v| usize::try_from(v).ok())).collect();
    values.map(Some).ok_or_else(|| Fault::Malformed(format!("{name} are not whole numbers")))
}

impl Tree {
    /// Its parents; an instance that names itself has none there.
    fn parents_of(&self, instance: usize) -> Vec<usize> {
        let range = self.starts[instance]..self.starts[instance + 1];
        self.parents[range].iter().copied().filter(|parent| *parent != instance).collect()
    }

    /// Whether some instance is its own ancestor: takes away whoever is nobody's parent until none is left (Kahn).
    fn has_cycle(&self) -> bool {
        let mut children = vec![0usize; self.rows.len()];
        for instance in 0..self.rows.len() {
            self.parents_of(instance).into_iter().for_each(|parent| children[parent] += 1);
        }
        let mut free: Vec<usize> = (0..children.len()).filter(|i| children[*i] == 0).collect();
        let mut taken = 0;
        while let Some(instance) = free.pop() {
            taken += 1;
            for parent in self.parents_of(instance) {
                children[parent] -= 1;
                if children[parent] == 0 {
                    free.push(parent);
                }
            }
        }
        taken < self.rows.len()
    }
}
