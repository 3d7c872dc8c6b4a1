//! What the name of an operation tells by itself: AWS names calls `VerbNoun`, and its verbs are few and steady.

/// Verbs whose calls take something away. A verb counts only when a noun follows it (`DeleteTrail`, not `Deleted`).
const DESTROYING: [&str; 12] = [
    "BatchDelete",
    "Delete",
    "Deregister",
    "Destroy",
    "Erase",
    "Forget",
    "Purge",
    "Remove",
    "ScheduleKeyDeletion",
    "Terminate",
    "Truncate",
    "Wipe",
];

/// Verbs that weaken what they are applied to, when that is a guard.
const WEAKENING: [&str; 11] = [
    "BatchDelete",
    "Decline",
    "Delete",
    "Deregister",
    "Detach",
    "Disable",
    "Disassociate",
    "Leave",
    "Remove",
    "Stop",
    "Terminate",
];

/// Verbs that undo an entitlement rather than give one.
const WITHDRAWING: [&str; 6] = [
    "BatchDelete",
    "Delete",
    "Deregister",
    "Detach",
    "Disassociate",
    "Remove",
];

/// Calls that return stored data, not descriptions of resources; sorted.
const DATA_READS: [(&str, &str); 53] = [
    ("athena", "GetQueryResults"),
    ("athena", "GetQueryResultsStream"),
    ("bedrock", "Retrieve"),
    ("bedrock", "RetrieveAndGenerate"),
    ("codecommit", "GetBlob"),
    ("codecommit", "GetFile"),
    ("codecommit", "GitPull"),
    ("dynamodb", "BatchExecuteStatement"),
    ("dynamodb", "BatchGetItem"),
    ("dynamodb", "ExecuteStatement"),
    ("dynamodb", "ExecuteTransaction"),
    ("dynamodb", "GetItem"),
    ("dynamodb", "GetRecords"),
    ("dynamodb", "Query"),
    ("dynamodb", "Scan"),
    ("dynamodb", "TransactGetItems"),
    ("ebs", "GetSnapshotBlock"),
    ("ecr", "BatchGetImage"),
    ("ecr", "GetDownloadUrlForLayer"),
    ("glacier", "GetJobOutput"),
    ("glue", "GetUnfilteredPartitionMetadata"),
    ("glue", "GetUnfilteredPartitionsMetadata"),
    ("glue", "GetUnfilteredTableMetadata"),
    ("kendra", "Query"),
    ("kendra", "Retrieve"),
    ("kinesis", "GetRecords"),
    ("kms", "Decrypt"),
    ("lambda", "GetFunction"),
    ("logs", "FilterLogEvents"),
    ("logs", "GetLogEvents"),
    ("logs", "GetLogRecord"),
    ("logs", "GetQueryResults"),
    ("qldb-session", "SendCommand"),
    ("rds", "DownloadDBLogFilePortion"),
    ("rds-data", "BatchExecuteStatement"),
    ("rds-data", "ExecuteStatement"),
    ("redshift-data", "BatchExecuteStatement"),
    ("redshift-data", "ExecuteStatement"),
    ("redshift-data", "GetStatementResult"),
    ("redshift-data", "GetStatementResultV2"),
    ("s3", "GetObject"),
    ("s3", "GetObjectTorrent"),
    ("s3", "SelectObjectContent"),
    ("s3-object-lambda", "GetObject"),
    ("secretsmanager", "BatchGetSecretValue"),
    ("secretsmanager", "GetSecretValue"),
    ("sqs", "ReceiveMessage"),
    ("ssm", "GetParameter"),
    ("ssm", "GetParameterHistory"),
    ("ssm", "GetParameters"),
    ("ssm", "GetParametersByPath"),
    ("timestream", "Query"),
    ("timestream", "Select"),
];

/// Whether the call returns stored data.
pub(super) fn is_data_read(source: &str, operation: &str) -> bool {
    DATA_READS.binary_search(&(source, operation)).is_ok()
}

/// Whether the call destroys something, judged by its verb. Taking tags off, and taking a message off a queue, is not destruction.
pub(super) fn is_destructive(source: &str, operation: &str) -> bool {
    let everyday =
        is_about_tags(operation) || (source == "sqs" && operation.starts_with("DeleteMessage"));
    !everyday && starts_with_verb(operation, &DESTROYING)
}

/// Whether the call weakens a guard it is applied to.
pub(super) fn is_weakening(operation: &str) -> bool {
    starts_with_verb(operation, &WEAKENING)
}

/// Whether the call takes an entitlement away.
pub(super) fn is_withdrawing(operation: &str) -> bool {
    starts_with_verb(operation, &WITHDRAWING)
}

/// Whether the call is about tags and nothing else.
pub(super) fn is_about_tags(operation: &str) -> bool {
    let tagging = [
        "Tag",
        "Untag",
        "AddTags",
        "RemoveTags",
        "CreateTags",
        "DeleteTags",
    ];
    starts_with_verb(operation, &tagging)
        || tagging.contains(&operation)
        || operation.ends_with("Tags")
        || operation.ends_with("Tagging")
}

/// Whether the call deletes backups, or what makes them.
pub(super) fn is_backup_deletion(operation: &str) -> bool {
    starts_with_verb(operation, &["Delete", "BatchDelete"])
        && (operation.contains("Backup") || operation.contains("RecoveryPoint"))
}

/// Whether the call writes a policy or permission of a resource, as far as its name shows.
pub(super) fn is_resource_permission(operation: &str) -> bool {
    starts_with_verb(operation, &["Add", "Put", "Set", "Update"])
        && (operation.contains("ResourcePolicy")
            || operation.contains("AccessPolicy")
            || operation.ends_with("Permission"))
}

fn starts_with_verb(operation: &str, verbs: &[&str]) -> bool {
    verbs.iter().any(|verb| {
        let rest = operation.strip_prefix(verb);
        rest.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(|first: char| first.is_ascii_uppercase())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_reads_are_sorted() {
        assert!(DATA_READS.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn a_verb_needs_its_noun() {
        let check = |source, operation: &str, expected| {
            assert_eq!(
                is_destructive(source, operation),
                expected,
                "{source}:{operation}"
            )
        };
        check("ec2", "TerminateInstances", true);
        check("s3", "DeleteObjects", true);
        check("kms", "ScheduleKeyDeletion", true);
        check("dynamodb", "BatchDeleteThings", true);
        check("ec2", "DeleteTags", false);
        check("s3", "DeleteObjectTagging", false);
        check("sqs", "DeleteMessageBatch", false);
        check("x", "Deleted", false);
        check("x", "RemovetS", false);
        check("x", "", false);
        check("ec2", "DescribeInstances", false);
    }

    #[test]
    fn backups_and_permissions_show_in_names() {
        assert!(is_backup_deletion("DeleteRecoveryPoint"));
        assert!(is_backup_deletion("DeleteBackupVault"));
        assert!(!is_backup_deletion("CreateBackupVault"));
        assert!(is_resource_permission("AddPermission"));
        assert!(is_resource_permission("PutResourcePolicy"));
        assert!(!is_resource_permission("GetResourcePolicy"));
        assert!(!is_resource_permission("PutRetentionPolicy"));
    }
}
