"""Serves AWS for test/stack: localstack-core, with some changes.

Functions run as processes on this machine. localstack starts a container for each, and Docker is not needed here: it asks
the test to run the code that was uploaded (functions.go), by the address in TOKENKEEPER_FUNCTIONS.

Alarms are evaluated every few seconds. localstack does it once in all of an alarm's periods, CloudWatch every minute.

CloudFormation takes a template of SAM as it is: localstack looks for the names that the transform makes before it has
made them. It updates aliases and alarms, which localstack can only create. Parameters that are lists are lists in the
values before an update or a deletion too; localstack keeps those as texts, and fails where one is joined.

Usage: python test/stack/serve.py, with GATEWAY_LISTEN and TOKENKEEPER_FUNCTIONS set. It ends with its standard input.
"""

import base64
import os
import signal
import sys
import threading

import requests

from localstack.services.lambda_.invocation import runtime_executor
from localstack.services.lambda_.invocation.lambda_models import InvocationResult

FUNCTIONS = os.environ["TOKENKEEPER_FUNCTIONS"]
EVALUATION_SECONDS = 3


class ProcessExecutor(runtime_executor.RuntimeExecutor):
    """Runs one execution environment of a function, by the test."""

    logs = ""

    def call(self, method, **body):
        answer = requests.request(method, f"{FUNCTIONS}/{self.id}", json=body, timeout=1000, proxies={"http": ""})
        answer.raise_for_status()
        return answer.json()

    def start(self, env_vars):
        version = self.function_version
        self.call(
            "PUT",
            name=version.id.function_name,
            binary=str(version.config.code.get_unzipped_code_location() / version.config.handler),
            timeout_seconds=version.config.timeout,
            env={name: str(value) for name, value in env_vars.items()},
        )

    def stop(self):
        self.call("DELETE")

    def invoke(self, payload):
        event = base64.b64encode(payload["payload"].encode()).decode()
        result = self.call("POST", event=event)
        self.logs += result["logs"]
        return InvocationResult(
            payload["invoke-id"], base64.b64decode(result["payload"]), is_error=result["failed"], logs=result["logs"]
        )

    def get_logs(self):
        return self.logs

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return ""  # for localstack's own program inside of its containers

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        """Leaves the unpacked code: a version with other settings may use the same."""


def evaluate_often():
    """Shortens the time between two evaluations of an alarm."""
    from localstack.services.cloudwatch import alarm_scheduler

    class Scheduler(alarm_scheduler.Scheduler):
        def schedule(self, func, **options):
            return super().schedule(func, **{**options, "period": EVALUATION_SECONDS})

    alarm_scheduler.Scheduler = Scheduler


def keep_lists():
    """Turns the value that a list had before into a list."""
    from localstack.services.cloudformation.engine.v2.change_set_model_preproc import ChangeSetModelPreproc

    visit = ChangeSetModelPreproc.visit_node_parameter

    def visit_node_parameter(self, node):
        delta, kind = visit(self, node), self.visit(node.type_)
        if isinstance(delta.before, str) and "CommaDelimitedList" in (kind.before, kind.after):
            delta.before = [item.strip() for item in delta.before.split(",")]
        return delta

    ChangeSetModelPreproc.visit_node_parameter = visit_node_parameter


def transform_first():
    """Leaves out the macros inside of a template, of which there are none here, and with them the look at its names."""
    from localstack.services.cloudformation.engine.v2.change_set_model_transform import ChangeSetModelTransform

    ChangeSetModelTransform._execute_local_transforms = lambda self: None


def update_resources():
    """Updates aliases and alarms. For localstack a new version of a function asks for another alias of the same name."""
    from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
    from localstack.services.cloudwatch.resource_providers.aws_cloudwatch_alarm import CloudWatchAlarmProvider
    from localstack.services.lambda_.resource_providers.lambda_alias import LambdaAliasProvider

    create = LambdaAliasProvider.create

    def put_alias(self, request):
        client = request.aws_client_factory.lambda_
        try:
            return create(self, request)
        except client.exceptions.ResourceConflictException:
            alias = {name: request.desired_state[name] for name in ("FunctionName", "Name", "FunctionVersion")}
            updated = client.update_alias(**alias)
            return ProgressEvent(OperationStatus.SUCCESS, {**request.desired_state, "Id": updated["AliasArn"]})

    LambdaAliasProvider.create = put_alias
    CloudWatchAlarmProvider.update = CloudWatchAlarmProvider.create  # it puts the alarm, over one of its name


def end_with_standard_input():
    """Ends this process when the test that started it has ended, however that ended."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    # Before any other module takes the name from this one.
    runtime_executor.get_runtime_executor = lambda: ProcessExecutor
    evaluate_often()
    keep_lists()
    transform_first()
    update_resources()
    from localstack.runtime.main import main

    main()
