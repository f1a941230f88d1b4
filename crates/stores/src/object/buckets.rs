//! Buckets, objects and uploads in memory, under one lock: a condition is looked at and acted upon
//! in one step, so of several writers with the same condition exactly one wins.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use md5::{Digest, Md5};
use s3s::dto::Checksum;

/// What a writer demands of the object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Nothing,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match: *`
    Present,
    /// `If-Match: "etag"`
    Is(String),
}

/// Why something is not done; nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    BucketExists,
    BucketNotEmpty,
    PreconditionFailed,
    /// A part is missing, or is another one than named.
    InvalidPart,
    /// The store keeps no more than its capacity.
    Full,
}

/// What an object says of itself beside its content.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub(super) content_type: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) metadata: Option<s3s::dto::Metadata>,
}

/// A stored object; never changed, only replaced.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    /// Without its quotes.
    pub(super) etag: String,
    pub(super) modified: Timestamp,
    pub(super) about: About,
    pub(super) checksum: Checksum,
}

impl Object {
    /// An object of one piece; its tag is the MD5 of its content.
    pub(super) fn new(bytes: Bytes, about: About, checksum: Checksum) -> Self {
        let etag = hex(&Md5::digest(&bytes));
        Self { bytes, etag, modified: Timestamp::now(), about, checksum }
    }

    /// An object of parts; its tag is the MD5 of theirs, and their number.
    fn of_parts(parts: &[Arc<Object>], about: About) -> Self {
        let (mut bytes, mut digests) = (BytesMut::new(), Md5::new());
        for part in parts {
            bytes.extend_from_slice(&part.bytes);
            digests.update(Md5::digest(&part.bytes));
        }
        let etag = format!("{}-{}", hex(&digests.finalize()), parts.len());
        let (bytes, modified) = (bytes.freeze(), Timestamp::now());
        Self { bytes, etag, modified, about, checksum: Checksum::default() }
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An upload in parts under way.
struct Upload {
    key: String,
    about: About,
    parts: BTreeMap<i32, Arc<Object>>,
}

struct Bucket {
    created: Timestamp,
    /// Anybody may read its objects.
    public: bool,
    objects: BTreeMap<String, Arc<Object>>,
    uploads: BTreeMap<String, Upload>,
}

#[derive(Default)]
struct State {
    buckets: BTreeMap<String, Bucket>,
    bytes: usize,
}

/// All buckets of a store.
pub(super) struct Buckets {
    capacity_bytes: usize,
    state: Mutex<State>,
}

impl Buckets {
    pub(super) fn new(capacity_bytes: usize) -> Self {
        Self { capacity_bytes, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    pub(super) fn create(&self, name: &str, public: bool) -> Result<(), Rejected> {
        let mut state = self.lock();
        if state.buckets.contains_key(name) {
            return Err(Rejected::BucketExists);
        }
        let created = Timestamp::now();
        let (objects, uploads) = (BTreeMap::new(), BTreeMap::new());
        state.buckets.insert(name.to_owned(), Bucket { created, public, objects, uploads });
        Ok(())
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), Rejected> {
        let mut state = self.lock();
        if !state.bucket(name)?.objects.is_empty() {
            return Err(Rejected::BucketNotEmpty);
        }
        state.buckets.remove(name);
        Ok(())
    }

    /// Names and times of all buckets.
    pub(super) fn all(&self) -> Vec<(String, Timestamp)> {
        let state = self.lock();
        state.buckets.iter().map(|(name, bucket)| (name.clone(), bucket.created)).collect()
    }

    pub(super) fn exists(&self, name: &str) -> Result<(), Rejected> {
        self.lock().bucket(name).map(|_| ())
    }

    pub(super) fn is_public(&self, name: &str) -> bool {
        self.lock().bucket(name).is_ok_and(|bucket| bucket.public)
    }

    pub(super) fn get(&self, bucket: &str, key: &str) -> Result<Arc<Object>, Rejected> {
        let mut state = self.lock();
        state.bucket(bucket)?.objects.get(key).cloned().ok_or(Rejected::NoSuchKey)
    }

    /// Puts the object where the condition holds; the object as it is stored.
    pub(super) fn put(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
        condition: &Condition,
    ) -> Result<Arc<Object>, Rejected> {
        let mut state = self.lock();
        state.demand(bucket, key, condition)?;
        state.room(object.bytes.len(), self.capacity_bytes)?;
        Ok(state.store(bucket, key, object))
    }

    /// Deletes the object, if the condition holds; none there is as good as deleted.
    pub(super) fn delete(
        &self,
        bucket: &str,
        key: &str,
        condition: &Condition,
    ) -> Result<(), Rejected> {
        let mut state = self.lock();
        state.demand(bucket, key, condition)?;
        let removed = state.bucket(bucket)?.objects.remove(key);
        state.bytes -= removed.map_or(0, |object| object.bytes.len());
        Ok(())
    }

    /// Objects whose key begins with `prefix`, after this key, in order.
    pub(super) fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: &str,
    ) -> Result<Vec<(String, Arc<Object>)>, Rejected> {
        let mut state = self.lock();
        let from = match after {
            after if after.is_empty() || after < prefix => Bound::Included(prefix),
            after => Bound::Excluded(after),
        };
        let objects = state.bucket(bucket)?.objects.range::<str, _>((from, Bound::Unbounded));
        let begins = |(key, _): &(&String, _)| key.starts_with(prefix);
        let listed = objects.take_while(begins).map(|(key, object)| (key.clone(), object.clone()));
        Ok(listed.collect())
    }

    /// Begins an upload in parts and names it.
    pub(super) fn begin(&self, bucket: &str, key: &str, about: About) -> Result<String, Rejected> {
        let mut state = self.lock();
        let id = uuid::Uuid::new_v4().simple().to_string();
        let upload = Upload { key: key.to_owned(), about, parts: BTreeMap::new() };
        state.bucket(bucket)?.uploads.insert(id.clone(), upload);
        Ok(id)
    }

    /// Keeps a part; one of the same number is replaced.
    pub(super) fn keep_part(
        &self,
        (bucket, key, upload): (&str, &str, &str),
        number: i32,
        part: Object,
    ) -> Result<Arc<Object>, Rejected> {
        let mut state = self.lock();
        state.room(part.bytes.len(), self.capacity_bytes)?;
        let (added, part) = (part.bytes.len(), Arc::new(part));
        let parts = &mut state.upload(bucket, key, upload)?.parts;
        let replaced = parts.insert(number, part.clone()).map_or(0, |old| old.bytes.len());
        state.bytes = state.bytes + added - replaced;
        Ok(part)
    }

    /// The parts so far.
    pub(super) fn parts(
        &self,
        (bucket, key, upload): (&str, &str, &str),
    ) -> Result<Vec<(i32, Arc<Object>)>, Rejected> {
        let mut state = self.lock();
        let parts = &state.upload(bucket, key, upload)?.parts;
        Ok(parts.iter().map(|(number, part)| (*number, part.clone())).collect())
    }

    /// Makes one object of the named parts (number and tag, rising), where the condition holds.
    pub(super) fn complete(
        &self,
        (bucket, key, upload): (&str, &str, &str),
        named: &[(i32, String)],
        condition: &Condition,
    ) -> Result<Arc<Object>, Rejected> {
        let mut state = self.lock();
        let kept = state.upload(bucket, key, upload)?;
        let find = |(number, etag): &(i32, String)| {
            kept.parts.get(number).filter(|part| part.etag == *etag).cloned()
        };
        let parts: Option<Vec<_>> = named.iter().map(find).collect();
        let parts = parts.filter(|parts| !parts.is_empty()).ok_or(Rejected::InvalidPart)?;
        let about = kept.about.clone();
        state.demand(bucket, key, condition)?;
        state.forget(bucket, key, upload)?;
        Ok(state.store(bucket, key, Object::of_parts(&parts, about)))
    }

    /// Gives an upload up.
    pub(super) fn abort(&self, (bucket, key, upload): (&str, &str, &str)) -> Result<(), Rejected> {
        self.lock().forget(bucket, key, upload)
    }
}

impl State {
    fn bucket(&mut self, name: &str) -> Result<&mut Bucket, Rejected> {
        self.buckets.get_mut(name).ok_or(Rejected::NoSuchBucket)
    }

    fn upload(&mut self, bucket: &str, key: &str, id: &str) -> Result<&mut Upload, Rejected> {
        let uploads = &mut self.bucket(bucket)?.uploads;
        uploads.get_mut(id).filter(|upload| upload.key == key).ok_or(Rejected::NoSuchUpload)
    }

    /// A conditional write on a missing object is 404 with a tag, source: Amazon S3 user guide,
    /// "How to prevent object overwrites with conditional writes".
    fn demand(&mut self, bucket: &str, key: &str, condition: &Condition) -> Result<(), Rejected> {
        let there = self.bucket(bucket)?.objects.get(key);
        match (condition, there) {
            (Condition::Absent, Some(_)) => Err(Rejected::PreconditionFailed),
            (Condition::Present | Condition::Is(_), None) => Err(Rejected::NoSuchKey),
            (Condition::Is(etag), Some(object)) if object.etag != *etag => {
                Err(Rejected::PreconditionFailed)
            }
            _ => Ok(()),
        }
    }

    fn room(&self, bytes: usize, capacity_bytes: usize) -> Result<(), Rejected> {
        if self.bytes + bytes > capacity_bytes { Err(Rejected::Full) } else { Ok(()) }
    }

    fn store(&mut self, bucket: &str, key: &str, object: Object) -> Arc<Object> {
        let (added, object) = (object.bytes.len(), Arc::new(object));
        let objects = &mut self.buckets.get_mut(bucket).expect("asked for before").objects;
        let replaced = objects.insert(key.to_owned(), object.clone());
        self.bytes = self.bytes + added - replaced.map_or(0, |old| old.bytes.len());
        object
    }

    fn forget(&mut self, bucket: &str, key: &str, id: &str) -> Result<(), Rejected> {
        self.upload(bucket, key, id)?;
        let upload = self.bucket(bucket)?.uploads.remove(id);
        let parts = upload.iter().flat_map(|upload| upload.parts.values());
        self.bytes -= parts.map(|part| part.bytes.len()).sum::<usize>();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_what_begins_so_and_lies_behind_wherever_that_is() {
        let buckets = Buckets::new(100);
        buckets.create("b", false).unwrap();
        for key in ["a/1", "b/1", "b/2", "c/1"] {
            let object = Object::new(Bytes::new(), About::default(), Checksum::default());
            buckets.put("b", key, object, &Condition::Nothing).unwrap();
        }
        let listed = |prefix: &str, after: &str| -> Vec<String> {
            let listed = buckets.list("b", prefix, after).unwrap();
            listed.into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(listed("", ""), ["a/1", "b/1", "b/2", "c/1"]);
        assert_eq!(listed("b/", ""), ["b/1", "b/2"]);
        assert_eq!(listed("b/", "a/9"), ["b/1", "b/2"]);
        assert_eq!(listed("b/", "b/1"), ["b/2"]);
        assert_eq!(listed("b/", "c"), Vec::<String>::new());
        assert_eq!(listed("", "b/1"), ["b/2", "c/1"]);
    }
}
