//! S3's operations over [`Buckets`], as Amazon's S3 API reference describes them.

use std::sync::Arc;

use async_trait::async_trait;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use super::body::take_in;
use super::buckets::{About, Buckets, Condition, Object, Rejected};
use super::convert::{about, answer, condition, cut, named, tag, timestamp, wanted, with_checksum};
use super::listing::{self, at_most, page};

pub(super) struct Service {
    pub(super) buckets: Arc<Buckets>,
}

#[async_trait]
impl S3 for Service {
    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let object = self.buckets.get(&input.bucket, &input.key)?;
        wanted(&object, &input.if_match, &input.if_none_match)?;
        let with_checksum = input.checksum_mode.is_some() && input.range.is_none();
        let (content, content_range) = cut(&object, input.range)?;
        let about = object.about.clone();
        let checksum = if with_checksum { object.checksum.clone() } else { Checksum::default() };
        answer(with_checksum!(
            checksum,
            GetObjectOutput {
                accept_ranges: Some("bytes".to_owned()),
                content_length: Some(content.len() as i64),
                content_range: content_range,
                body: Some(s3s::Body::from(content).into()),
                e_tag: tag(&object),
                last_modified: Some(timestamp(object.modified)),
                content_type: input.response_content_type.or(about.content_type),
                cache_control: input.response_cache_control.or(about.cache_control),
                content_disposition: input
                    .response_content_disposition
                    .or(about.content_disposition),
                content_encoding: input.response_content_encoding.or(about.content_encoding),
                content_language: input.response_content_language.or(about.content_language),
                metadata: about.metadata,
            }
        ))
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let object = self.buckets.get(&input.bucket, &input.key)?;
        wanted(&object, &input.if_match, &input.if_none_match)?;
        let about = object.about.clone();
        answer(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(object.bytes.len() as i64),
            e_tag: tag(&object),
            last_modified: Some(timestamp(object.modified)),
            content_type: about.content_type,
            cache_control: about.cache_control,
            content_disposition: about.content_disposition,
            content_encoding: about.content_encoding,
            content_language: about.content_language,
            metadata: about.metadata,
            ..HeadObjectOutput::default()
        })
    }

    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = req.input;
        let condition = condition(input.if_match, input.if_none_match)?;
        let named = named!(input, req.trailing_headers);
        let (content, checksum) = take_in(input.body, named).await?;
        let about = about!(input);
        let object = Object::new(content, about, checksum.clone());
        let stored = self.buckets.put(&input.bucket, &input.key, object, &condition)?;
        answer(with_checksum!(checksum, PutObjectOutput { e_tag: tag(&stored) }))
    }

    async fn copy_object(
        &self,
        req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = req.input;
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "Access points are not served here"));
        };
        let source = self.buckets.get(bucket, key)?;
        wanted(&source, &input.copy_source_if_match, &input.copy_source_if_none_match)?;
        let replaces =
            |directive: MetadataDirective| directive.as_str() == MetadataDirective::REPLACE;
        let about = if input.metadata_directive.is_some_and(replaces) {
            about!(input)
        } else {
            source.about.clone()
        };
        let copy = Object::new(source.bytes.clone(), about, source.checksum.clone());
        let stored = self.buckets.put(&input.bucket, &input.key, copy, &Condition::Nothing)?;
        answer(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: tag(&stored),
                last_modified: Some(timestamp(stored.modified)),
                ..CopyObjectResult::default()
            }),
            ..CopyObjectOutput::default()
        })
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = req.input;
        let condition = condition(input.if_match, None)?;
        self.buckets.delete(&input.bucket, &input.key, &condition)?;
        answer(DeleteObjectOutput::default())
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let DeleteObjectsInput { bucket, delete, .. } = req.input;
        let mut deleted = Vec::new();
        for object in delete.objects {
            self.buckets.delete(&bucket, &object.key, &Condition::Nothing)?;
            deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() });
        }
        let deleted = Some(deleted).filter(|_| delete.quiet != Some(true));
        answer(DeleteObjectsOutput { deleted, ..DeleteObjectsOutput::default() })
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let token = input.continuation_token.clone();
        let after = token.clone().or(input.start_after.clone()).unwrap_or_default();
        let at_most = at_most(input.max_keys);
        let objects = self.buckets.list(&input.bucket, &prefix, &after)?;
        let page = page(objects, &prefix, input.delimiter.as_deref(), &after, at_most);
        let count = page.contents.len() + page.common_prefixes.len();
        answer(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            encoding_type: input.encoding_type,
            max_keys: Some(at_most),
            key_count: i32::try_from(count).ok(),
            start_after: input.start_after,
            continuation_token: token,
            is_truncated: Some(page.more_after.is_some()),
            next_continuation_token: page.more_after,
            contents: Some(page.contents),
            common_prefixes: Some(page.common_prefixes),
            ..ListObjectsV2Output::default()
        })
    }

    async fn list_objects(
        &self,
        req: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = req.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input.marker.clone().unwrap_or_default();
        let at_most = at_most(input.max_keys);
        let objects = self.buckets.list(&input.bucket, &prefix, &after)?;
        let listing::Page { contents, common_prefixes, more_after } =
            page(objects, &prefix, input.delimiter.as_deref(), &after, at_most);
        answer(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: input.prefix,
            marker: input.marker,
            delimiter: input.delimiter,
            encoding_type: input.encoding_type,
            max_keys: Some(at_most),
            is_truncated: Some(more_after.is_some()),
            next_marker: more_after,
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            ..ListObjectsOutput::default()
        })
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = req.input;
        let about = about!(input);
        let upload_id = self.buckets.begin(&input.bucket, &input.key, about)?;
        answer(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload_id),
            ..CreateMultipartUploadOutput::default()
        })
    }

    async fn upload_part(
        &self,
        req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = req.input;
        let named = named!(input, req.trailing_headers);
        let (content, checksum) = take_in(input.body, named).await?;
        let part = Object::new(content, About::default(), checksum.clone());
        let upload = (&*input.bucket, &*input.key, &*input.upload_id);
        let kept = self.buckets.keep_part(upload, input.part_number, part)?;
        answer(with_checksum!(checksum, UploadPartOutput { e_tag: tag(&kept) }))
    }

    async fn list_parts(
        &self,
        req: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let input = req.input;
        let upload = (&*input.bucket, &*input.key, &*input.upload_id);
        let part = |(number, part): (i32, Arc<Object>)| Part {
            part_number: Some(number),
            e_tag: tag(&part),
            size: Some(part.bytes.len() as i64),
            last_modified: Some(timestamp(part.modified)),
            ..Part::default()
        };
        let parts = self.buckets.parts(upload)?.into_iter().map(part).collect();
        answer(ListPartsOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(input.upload_id.clone()),
            is_truncated: Some(false),
            parts: Some(parts),
            ..ListPartsOutput::default()
        })
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = req.input;
        let condition = condition(input.if_match, input.if_none_match)?;
        let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let named: Option<Vec<_>> = named
            .into_iter()
            .map(|part| Some((part.part_number?, part.e_tag?.into_value())))
            .collect();
        let named = named.ok_or(Rejected::InvalidPart)?;
        if !named.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let upload = (&*input.bucket, &*input.key, &*input.upload_id);
        let stored = self.buckets.complete(upload, &named, &condition)?;
        answer(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            e_tag: tag(&stored),
            bucket: Some(input.bucket),
            key: Some(input.key),
            ..CompleteMultipartUploadOutput::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = req.input;
        self.buckets.abort((&*input.bucket, &*input.key, &*input.upload_id))?;
        answer(AbortMultipartUploadOutput::default())
    }

    async fn create_bucket(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        self.buckets.create(&req.input.bucket, false)?;
        let location = Some(format!("/{}", req.input.bucket));
        answer(CreateBucketOutput { location })
    }

    async fn head_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.buckets.exists(&req.input.bucket)?;
        answer(HeadBucketOutput::default())
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.buckets.exists(&req.input.bucket)?;
        answer(GetBucketLocationOutput::default())
    }

    async fn delete_bucket(
        &self,
        req: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.buckets.remove(&req.input.bucket)?;
        answer(DeleteBucketOutput::default())
    }

    async fn list_buckets(
        &self,
        _req: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let bucket = |(name, created)| Bucket {
            name: Some(name),
            creation_date: Some(timestamp(created)),
            ..Bucket::default()
        };
        let buckets = self.buckets.all().into_iter().map(bucket).collect();
        answer(ListBucketsOutput { buckets: Some(buckets), ..ListBucketsOutput::default() })
    }
}
