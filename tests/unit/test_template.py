"""What the template promises, read from it as SAM expands it."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from sandbox.template import Template
from switchboard import queues, settings
from switchboard.admit import CAMPAIGN_HEADER, PROBLEM_HEADER
from switchboard.dialects.doors import DOORS, ENTRANCES
from switchboard.feed import INCOMING as INCOMING_FILES

ROOT = Path(__file__).resolve().parents[2]
SOURCE = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
TEMPLATE = Template.load(ROOT / "template.yaml")
PARAMETERS = SOURCE["Parameters"]

FUNCTIONS = {id: body["Properties"] for id, body in SOURCE["Resources"].items() if body["Type"].endswith("::Function")}
MAPPINGS = TEMPLATE.of_type("AWS::Lambda::EventSourceMapping")
LAMBDAS = TEMPLATE.of_type("AWS::Lambda::Function")
QUEUES = TEMPLATE.of_type("AWS::SQS::Queue")
ROLES = TEMPLATE.of_type("AWS::IAM::Role")
ALARMS = TEMPLATE.of_type("AWS::CloudWatch::Alarm")
TABLE = TEMPLATE.of_type("AWS::DynamoDB::Table")["Table"]
WAITING = {id: queue for id, queue in QUEUES.items() if "RedrivePolicy" in queue}
DEAD = {id: queue for id, queue in QUEUES.items() if "RedrivePolicy" not in queue}

WITHOUT_RESOURCES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}  # X-Ray has none to name
NAMED = re.compile(
    r"\$\{Uploads\.Arn\}/\*|\$\{Campaigns\.Arn\}/(incoming|files|reports)/\*|schedule/\$\{Schedules\}/\*"
)
POWERTOOLS = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
INBOUND = "/Integra/resources/InboundSMS/ReceiveURLSMS"
DEFAULT = "/$default"  # as SAM writes the route for whatever no other door takes
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"}
ANY = {"x-amazon-apigateway-any-method": "ANY"}
PATH = re.compile(r"/(?:(?:[\w.~-]+|\{\w+\})/)*(?:[\w.~-]+|\{\w+\+?\})")


def value(expression: Any) -> Any:
    """A property's value under the parameters' defaults; what names a resource stays as it is."""
    parameter = PARAMETERS.get(expression.get("Ref")) if isinstance(expression, dict) else None
    if parameter is None:
        return expression
    return float(parameter["Default"]) if parameter["Type"] == "Number" else parameter["Default"]


def target(expression: Any) -> str:
    """The logical id that a Ref or a GetAtt names."""
    return str(expression["Ref"] if "Ref" in expression else expression["Fn::GetAtt"][0])


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def default(name: str) -> float:
    return float(PARAMETERS[name]["Default"])


# Queues


def test_every_queue_has_a_dead_letter_queue_of_its_own() -> None:
    targets = [target(queue["RedrivePolicy"]["deadLetterTargetArn"]) for queue in WAITING.values()]
    assert sorted([*targets, "ScheduleDeadLetterQueue"]) == sorted(DEAD)  # that one is of alarms, not of a queue
    for queue in WAITING.values():
        receives = queue["RedrivePolicy"]["maxReceiveCount"]
        assert value(receives) > default("MaxPasses")
        assert PARAMETERS[receives["Ref"]]["MinValue"] > 0


@pytest.mark.parametrize(
    ("queues", "metric", "threshold"),
    [(DEAD, "ApproximateNumberOfMessagesVisible", 0), (WAITING, "ApproximateAgeOfOldestMessage", 3600)],
)
def test_every_queue_has_its_alarm(queues: dict[str, Any], metric: str, threshold: float) -> None:
    alarms = [alarm for alarm in ALARMS.values() if alarm["MetricName"] == metric]
    assert sorted(target(alarm["Dimensions"][0]["Value"]) for alarm in alarms) == sorted(queues)
    assert all(value(alarm["Threshold"]) <= threshold and "AlarmActions" in alarm for alarm in alarms)


def test_every_queue_is_drained_by_one_function_that_names_its_failures() -> None:
    assert sorted(target(mapping["EventSourceArn"]) for mapping in MAPPINGS.values()) == sorted(WAITING)
    for mapping in MAPPINGS.values():
        function = LAMBDAS[target(mapping["FunctionName"])]
        queue = QUEUES[target(mapping["EventSourceArn"])]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert 1 <= mapping["BatchSize"] <= 10
        assert value(queue["VisibilityTimeout"]) >= 6 * value(function["Timeout"])
        if target(mapping["FunctionName"]) == "DispatchFunction":
            assert value(mapping["ScalingConfig"]["MaximumConcurrency"]) >= 2


def test_queues_are_encrypted_and_keep_what_they_have_for_as_long_as_sqs_can() -> None:
    assert {queue["MessageRetentionPeriod"] for queue in QUEUES.values()} == {14 * 86400}
    assert all(queue["SqsManagedSseEnabled"] for queue in QUEUES.values())


# Times


def test_the_times_of_the_protocol_fit_together() -> None:
    provider, dispatch, lease, visibility, recheck = (
        default(f"{name}Seconds") for name in ("ProviderTimeout", "DispatchTimeout", "Lease", "Visibility", "Recheck")
    )
    assert 2 * provider + 5 < dispatch < lease < visibility  # a worker starts no window that it may not finish
    assert recheck > lease + visibility
    # An accept that is stopped between its watch message and its seal must be over when the watch looks for the seal.
    assert SOURCE["Globals"]["Function"]["Timeout"] < default("WatchDelaySeconds")
    assert PARAMETERS["RecheckSeconds"]["MaxValue"] == PARAMETERS["WatchDelaySeconds"]["MaxValue"] == 900  # of SQS


@pytest.mark.parametrize("name", [name for name, parameter in PARAMETERS.items() if parameter["Type"] == "Number"])
def test_a_number_has_a_range_and_its_default_lies_in_it(name: str) -> None:
    parameter = PARAMETERS[name]
    allowed = parameter.get("AllowedValues")
    low, high = parameter.get("MinValue"), parameter.get("MaxValue", float("inf"))
    assert parameter["Default"] in allowed if allowed else low <= parameter["Default"] <= high


# The door


def routes() -> list[tuple[str, str]]:
    """What every function's HTTP events ask for: (method, path)."""
    events = [event for function in FUNCTIONS.values() for event in function["Events"].values()]
    doors = [event["Properties"] for event in events if event["Type"] == "HttpApi"]
    return [(door.get("Method", "ANY"), door.get("Path", DEFAULT)) for door in doors]


def test_every_door_leads_to_exactly_one_function() -> None:
    asked = routes()
    shapes = [(method, re.sub(r"\{\w+(\+?)\}", r"{\1}", path)) for method, path in asked]
    assert len(set(shapes)) == len(shapes)
    assert all(method in METHODS and (path == DEFAULT or PATH.fullmatch(path)) for method, path in asked)
    whole = {shape for method, shape in shapes if method == "ANY"}
    assert [shape for method, shape in shapes if shape in whole and method != "ANY"] == []
    paths = TEMPLATE.of_type("AWS::ApiGatewayV2::Api")["Api"]["Body"]["paths"]
    made = [(ANY.get(method, method.upper()), path) for path, methods in paths.items() for method in methods]
    assert sorted(made) == sorted(asked)


def test_a_page_may_call_our_own_api_by_every_method_that_it_has() -> None:
    ours = {method for method, path in routes() if path.startswith("/v1/")}
    assert ours == set(SOURCE["Resources"]["Api"]["Properties"]["CorsConfiguration"]["AllowMethods"])


def test_every_door_of_a_vendor_is_routed_and_nothing_else_stands_at_a_vendors_path() -> None:
    doors = [*DOORS, *ENTRANCES]
    inbound = [("GET", path) for path in (INBOUND, INBOUND + "/{proxy+}")]  # the one call that a vendor makes of us
    told = [(method, door.path) for door in doors for method in door.methods] + inbound
    ours = re.compile(r"/(v1|callbacks)/|/docs$|/openapi.json$|" + re.escape(DEFAULT))
    assert sorted(told) == sorted(route for route in routes() if not ours.match(route[1]))


def test_access_logs_hold_no_path_and_no_query() -> None:
    log = SOURCE["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"]
    assert "$context.routeKey" in log
    assert not re.search(
        r"\$context\.(path|protocol|http|customDomain)|query|\$context\.authorizer", log, re.IGNORECASE
    )


def test_the_door_is_throttled() -> None:
    stage = next(iter(TEMPLATE.of_type("AWS::ApiGatewayV2::Stage").values()))
    limits = stage["DefaultRouteSettings"]
    assert value(limits["ThrottlingRateLimit"]) > 0
    assert value(limits["ThrottlingBurstLimit"]) > 0


# Files


def test_uploads_are_nobody_elses_and_are_forgotten() -> None:
    bucket, policy = TEMPLATE.of_type("AWS::S3::Bucket")["Uploads"], TEMPLATE.of_type("AWS::S3::BucketPolicy")
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert value(bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"]) <= 2
    (statement,) = policy["UploadsPolicy"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}


def test_files_of_campaigns_are_nobody_elses_are_told_of_and_are_forgotten() -> None:
    bucket, policy = TEMPLATE.of_type("AWS::S3::Bucket")["Campaigns"], TEMPLATE.of_type("AWS::S3::BucketPolicy")
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    all_, incoming = bucket["LifecycleConfiguration"]["Rules"]
    assert (all_["ExpirationInDays"], "Prefix" in all_) == ({"Ref": "RetentionDays"}, False)
    assert (incoming["ExpirationInDays"], incoming["Prefix"]) == (2, "incoming/")
    (told,) = bucket["NotificationConfiguration"]["QueueConfigurations"]
    assert (told["Event"], target(told["Queue"])) == ("s3:ObjectCreated:*", "CampaignQueue")
    assert told["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": INCOMING_FILES}]
    (statement,) = policy["CampaignsPolicy"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}


def test_only_s3_of_this_account_may_tell_of_files() -> None:
    (policy,) = TEMPLATE.of_type("AWS::SQS::QueuePolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert [target(queue) for queue in policy["Queues"]] == ["CampaignQueue"] == [target(statement["Resource"])]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert SOURCE["Resources"]["Campaigns"]["DependsOn"] == "CampaignQueuePolicy"


def test_the_times_of_reading_fit_together() -> None:
    # A window, with its batch, takes seconds; the lease is renewed when a third of it is over.
    assert 60 <= default("FeedLeaseSeconds") < default("FeedTimeoutSeconds")
    assert default("WatchDelaySeconds") > default("FeedLeaseSeconds")  # the watch finds who was lost


def test_the_times_of_the_crm_fit_together() -> None:
    provider, crm, settle = default("ProviderTimeoutSeconds"), default("CrmTimeoutSeconds"), default("CrmSettleSeconds")
    assert 2 * provider + 100 + 2 * 5 < crm  # 100 MB of files at a megabyte a second
    assert default("CrmWaitSeconds") < SOURCE["Globals"]["Function"]["Timeout"]
    assert default("MaxReceives") > 2 * default("MaxPasses") > queues._RENEWED
    assert settle < default("CrmVisibilitySeconds")


# Functions


def test_every_function_is_a_folder_and_every_folder_a_function() -> None:
    folders = [f"functions/{app.parent.name}/" for app in (ROOT / "functions").glob("*/app.py")]
    assert sorted(folders) == sorted(function["CodeUri"] for function in FUNCTIONS.values())


def test_the_environment_is_what_settings_reads() -> None:
    for function in LAMBDAS.values():
        environment = function["Environment"]["Variables"]
        assert environment.keys() - POWERTOOLS == settings.NAMES
        assert environment.keys() >= POWERTOOLS


def test_the_defaults_are_settings() -> None:
    environment = SOURCE["Globals"]["Function"]["Environment"]["Variables"]
    values = {name: value(expression) for name, expression in environment.items()}
    texts = {name: f"{text:g}" if isinstance(text, float) else str(text) for name, text in values.items()}
    assert settings.parse(texts).routes
    assert (
        sum(len(name) + len(text) for name, text in texts.items()) < 3072
    )  # Lambda allows 4096 bytes, ARNs are longer


def test_every_function_logs_to_a_group_of_its_own_that_forgets() -> None:
    groups = TEMPLATE.of_type("AWS::Logs::LogGroup")
    used = [target(function["LoggingConfig"]["LogGroup"]) for function in LAMBDAS.values()]
    assert sorted([*used, "AccessLogs"]) == sorted(groups)
    assert all(value(group["RetentionInDays"]) > 0 for group in groups.values())


# Least privilege


def statements(role: str) -> list[dict[str, Any]]:
    return [entry for policy in ROLES[role]["Policies"] for entry in policy["PolicyDocument"]["Statement"]]


def test_every_function_has_a_role_of_its_own_and_no_ready_made_policy() -> None:
    used = [target(function["Role"]) for function in LAMBDAS.values()]
    assert sorted([*used, "ScheduleRole"]) == sorted(ROLES)  # that one is what alarms may do
    assert not any("ManagedPolicyArns" in role for role in ROLES.values())


@pytest.mark.parametrize("role", ROLES)
def test_a_role_names_its_actions_and_its_resources(role: str) -> None:
    for statement in statements(role):
        actions = set(listed(statement["Action"]))
        assert not any("*" in action for action in actions)
        assert statement["Effect"] == "Allow"
        if actions != WITHOUT_RESOURCES:
            # What lies in a bucket, and an alarm of the group, has no other name than this.
            assert "*" not in NAMED.sub("", str(statement["Resource"]))
            assert all(isinstance(resource, dict) for resource in listed(statement["Resource"]))


def test_only_who_calls_providers_or_checks_their_token_reads_their_secret() -> None:
    readers = {role for role in ROLES if any("secretsmanager" in str(entry["Action"]) for entry in statements(role))}
    # The last two ask whose the deals are that the CRM had before us.
    assert readers == {"DispatchRole", "CallbackRole", "CrmRole", "DealRole", "SendRole"}


@pytest.mark.parametrize("id", MAPPINGS)
def test_a_worker_may_take_from_its_queues_and_from_no_other(id: str) -> None:
    function = target(MAPPINGS[id]["FunctionName"])
    fed = {target(other["EventSourceArn"]) for other in MAPPINGS.values() if target(other["FunctionName"]) == function}
    entries = statements(target(LAMBDAS[function]["Role"]))
    taking = [entry for entry in entries if "sqs:ReceiveMessage" in listed(entry["Action"])]
    assert {target(resource) for entry in taking for resource in listed(entry["Resource"])} == fed


# The table, the stages, the linter


def test_the_table_is_guarded() -> None:
    assert TABLE["BillingMode"] == "PAY_PER_REQUEST"
    assert TABLE["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert TABLE["SSESpecification"] == {"SSEEnabled": True}
    assert TABLE["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert {index["Projection"]["ProjectionType"] for index in TABLE["GlobalSecondaryIndexes"]} == {"KEYS_ONLY"}
    assert SOURCE["Resources"]["Table"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert SOURCE["Resources"]["Table"]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("stage", PARAMETERS["Stage"]["AllowedValues"])
def test_a_stage_sets_parameters_that_exist(stage: str) -> None:
    deploy = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))[stage]["deploy"]["parameters"]
    given = dict(pair.split("=", 1) for pair in deploy["parameter_overrides"])
    assert given["Stage"] == stage
    assert given.keys() <= PARAMETERS.keys()
    assert deploy["stack_name"].endswith(stage)


def test_cfn_lint_finds_nothing_as_written_or_as_expanded(tmp_path: Path) -> None:
    expanded = tmp_path / "expanded.json"
    expanded.write_text(json.dumps(TEMPLATE.expanded))
    templates = [str(ROOT / "template.yaml"), str(expanded)]
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    run = subprocess.run([cfn_lint, *templates], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_pages_may_read_what_the_doors_say_beside_the_vendors_words() -> None:
    cors = SOURCE["Resources"]["Api"]["Properties"]["CorsConfiguration"]
    assert {CAMPAIGN_HEADER, PROBLEM_HEADER} <= set(cors["ExposeHeaders"])


def test_a_file_that_comes_with_a_call_goes_to_who_takes_campaigns_in() -> None:
    events = FUNCTIONS["CampaignFunction"]["Events"].values()
    ours = {event["Properties"]["Path"] for event in events}
    assert {door.path for door in DOORS if door.upload} == {path for path in ours if not path.startswith("/v1/")}
