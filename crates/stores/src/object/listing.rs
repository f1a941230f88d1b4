//! One page of a bucket's list.

use std::sync::Arc;

use s3s::dto::{CommonPrefix, ETag, ObjectStorageClass};

use super::buckets::Object;
use super::convert::timestamp;

/// Most keys of one page, source: Amazon S3 API reference, ListObjectsV2.
const MOST_KEYS: i32 = 1000;

/// Keys and common prefixes of one page, in order.
#[derive(Default)]
pub(super) struct Page {
    pub(super) contents: Vec<s3s::dto::Object>,
    pub(super) common_prefixes: Vec<CommonPrefix>,
    /// The last key or prefix of the page, where more follow.
    pub(super) more_after: Option<String>,
}

/// How many keys a client may ask for.
pub(super) fn at_most(asked: Option<i32>) -> i32 {
    asked.unwrap_or(MOST_KEYS).clamp(0, MOST_KEYS)
}

/// The first page of these objects, whose keys are in order and lie after `after`: keys that share
/// what stands between `prefix` and the first delimiter count as one.
pub(super) fn page(
    objects: Vec<(String, Arc<Object>)>,
    prefix: &str,
    delimiter: Option<&str>,
    after: &str,
    at_most: i32,
) -> Page {
    let mut page = Page::default();
    let mut last = String::new();
    for (key, object) in objects {
        let common = common_prefix(&key, prefix, delimiter);
        // A whole group lies behind whoever has seen its name.
        if common.is_some_and(|common| common == last || common == after) {
            continue;
        }
        if page.contents.len() + page.common_prefixes.len() == at_most as usize {
            page.more_after = (at_most > 0).then_some(last);
            break;
        }
        last = common.unwrap_or(&key).to_owned();
        match common {
            Some(common) => {
                page.common_prefixes.push(CommonPrefix { prefix: Some(common.to_owned()) });
            }
            None => page.contents.push(entry(key, &object)),
        }
    }
    page
}

fn common_prefix<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let end = key[prefix.len()..].find(delimiter)? + prefix.len() + delimiter.len();
    Some(&key[..end])
}

fn entry(key: String, object: &Object) -> s3s::dto::Object {
    s3s::dto::Object {
        key: Some(key),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(timestamp(object.modified)),
        size: Some(object.bytes.len() as i64),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..s3s::dto::Object::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(page: &Page) -> Vec<&str> {
        let keys = page.contents.iter().filter_map(|object| object.key.as_deref());
        let prefixes = page.common_prefixes.iter().filter_map(|common| common.prefix.as_deref());
        keys.chain(prefixes).collect()
    }

    fn paged(keys: &[&str], prefix: &str, delimiter: Option<&str>, at_most: i32) -> Vec<String> {
        let object =
            || Arc::new(Object::new(Default::default(), Default::default(), Default::default()));
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let listed =
                keys.iter().filter(|key| key.starts_with(prefix) && **key > after.as_str());
            let objects = listed.map(|key| (key.to_string(), object())).collect();
            let page = page(objects, prefix, delimiter, &after, at_most);
            assert!(names(&page).len() <= at_most as usize);
            seen.extend(names(&page).into_iter().map(str::to_owned));
            match page.more_after {
                Some(more) => after = more,
                None => return seen,
            }
        }
    }

    #[test]
    fn pages_of_any_length_show_every_key_and_prefix_once() {
        let keys = ["a", "b/1", "b/2", "b/3", "c", "d/x/1", "d/x/2", "d/y", "e"];
        for at_most in 1..=10 {
            let mut all = paged(&keys, "", Some("/"), at_most);
            all.sort();
            assert_eq!(all, ["a", "b/", "c", "d/", "e"], "{at_most} a page");
            let mut inner = paged(&keys, "d/", Some("/"), at_most);
            inner.sort();
            assert_eq!(inner, ["d/x/", "d/y"], "{at_most} a page");
            assert_eq!(paged(&keys, "b/", None, at_most), ["b/1", "b/2", "b/3"]);
        }
    }
}
