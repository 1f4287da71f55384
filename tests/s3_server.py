"""A server that speaks S3 on loopback and checks signatures, in a process of its own.

`python -m tests.s3_server BUCKET` makes a bucket and a key, prints both with the address as a line
of JSON, and ends when its standard input does, which is when its parent is gone.
"""

from __future__ import annotations

import json
import logging
import os
import sys

SETTING_UP = 4
"""Calls before keys are looked at: user, key, policy, bucket."""
ALL_OF_S3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def serve(bucket: str) -> None:
    """Serve until standard input ends."""
    # Read when moto is imported.
    os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = str(SETTING_UP)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    anyone = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    anyone |= {"endpoint_url": endpoint, "region_name": "us-east-1"}
    users = boto3.client("iam", **anyone)
    users.create_user(UserName="jamel")
    key = users.create_access_key(UserName="jamel")["AccessKey"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [ALL_OF_S3]})
    users.put_user_policy(UserName="jamel", PolicyName="s3", PolicyDocument=policy)
    boto3.client("s3", **anyone).create_bucket(Bucket=bucket)
    told = {"endpoint": endpoint, "key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    print(json.dumps(told), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    serve(sys.argv[1])
