//! Queues, topics and notifications.

use crate::{Moto, REGION, signed};

impl Moto {
    /// One call of SQS in its JSON protocol.
    pub fn sqs(&self, region: &str, call: &str, body: serde_json::Value) -> serde_json::Value {
        let signed = signed("sqs", region);
        let target = format!("AmazonSQS.{call}");
        let headers = [
            ("Authorization", signed.as_str()),
            ("X-Amz-Target", &target),
            ("Content-Type", "application/x-amz-json-1.0"),
        ];
        let answer = self.ask("POST /", &headers, body.to_string().as_bytes());
        serde_json::from_str(if answer.is_empty() { "{}" } else { &answer }).unwrap()
    }

    /// Makes a queue; its URL.
    pub fn queue(&self, region: &str, name: &str) -> String {
        let answer = self.sqs(
            region,
            "CreateQueue",
            serde_json::json!({"QueueName": name}),
        );
        answer["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Sends a message.
    pub fn send(&self, url: &str, body: &str) {
        self.sqs(
            REGION,
            "SendMessage",
            serde_json::json!({"QueueUrl": url, "MessageBody": body}),
        );
    }

    /// What another receiver gets that waits for so many seconds.
    #[must_use]
    pub fn receive(&self, url: &str, seconds: u32) -> Vec<serde_json::Value> {
        let asked = serde_json::json!({"QueueUrl": url, "WaitTimeSeconds": seconds, "MaxNumberOfMessages": 10,
            "MessageAttributeNames": ["All"]});
        let answer = self.sqs(REGION, "ReceiveMessage", asked);
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }

    /// Messages in a queue, visible or not.
    #[must_use]
    pub fn messages(&self, url: &str) -> u64 {
        let asked = serde_json::json!({"QueueUrl": url, "AttributeNames": ["All"]});
        let answer = self.sqs(REGION, "GetQueueAttributes", asked);
        let count = |name: &str| {
            answer["Attributes"][name]
                .as_str()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesNotVisible")
    }

    /// Makes a topic whose messages go to a queue; its ARN.
    pub fn topic_to(&self, queue: &str, name: &str) -> String {
        let signed = signed("sns", REGION);
        let call = |body: String| {
            let headers = [
                ("Authorization", signed.as_str()),
                ("Content-Type", "application/x-www-form-urlencoded"),
            ];
            self.ask("POST /", &headers, body.as_bytes())
        };
        let made = call(format!("Action=CreateTopic&Version=2010-03-31&Name={name}"));
        let (_, rest) = made.split_once("<TopicArn>").unwrap();
        let topic = rest.split('<').next().unwrap().to_owned();
        call(format!(
            "Action=Subscribe&Version=2010-03-31&TopicArn={topic}&Protocol=sqs&Endpoint={}",
            arn(queue)
        ));
        topic
    }

    /// Sends a bucket's notifications to these queues and topics (ARNs), all events.
    pub fn notify(&self, bucket: &str, queues: &[&str], topics: &[&str]) {
        let mut body = String::from("<NotificationConfiguration>");
        for (id, queue) in queues.iter().enumerate() {
            body.push_str(&format!("<QueueConfiguration><Id>q{id}</Id><Queue>{queue}</Queue><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event></QueueConfiguration>"));
        }
        for (id, topic) in topics.iter().enumerate() {
            body.push_str(&format!("<TopicConfiguration><Id>t{id}</Id><Topic>{topic}</Topic><Event>s3:ObjectCreated:*</Event></TopicConfiguration>"));
        }
        body.push_str("</NotificationConfiguration>");
        self.request("PUT", &format!("/{bucket}?notification"), body.as_bytes());
    }
}

/// The ARN of a queue of moto's, from its URL.
#[must_use]
pub fn arn(url: &str) -> String {
    let mut parts = url.rsplit('/');
    let (name, account) = (parts.next().unwrap(), parts.next().unwrap());
    format!("arn:aws:sqs:{REGION}:{account}:{name}")
}
