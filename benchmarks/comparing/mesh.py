"""The questions in the words of GraphQL Mesh, whose schema is the service's own; its answers."""

from typing import Any

from benchmarks.comparing import world
from benchmarks.comparing.naive import OrderStatus

Answer = dict[str, Any]

LARGE = f"""query L {{
  salesorders(queryOptions: {{
    filter: "_customerid_value eq {world.LARGE.account}"
    orderby: "createdon desc,salesorderid"
    top: 50
  }}) {{
    salesorderid msdyn_salesordernumber msdyn_processingstatus totalamount
    customerid_account {{ ... on account {{ name }} }}
    order_details(queryOptions: {{ orderby: "sequencenumber" }}) {{
      description quantity priceperunit
    }}
  }}
}}"""
SMALL = """query S($id: GUID!) {
  salesordersBysalesorderid(salesorderid: $id) {
    salesorderid msdyn_salesordernumber msdyn_processingstatus createdon totalamount
    msdyn_customersorderreference
  }
}"""


def translated(answer: Answer) -> Answer:
    """An answer of Mesh in the words of the others."""
    data = answer["data"]
    if "salesorders" in data:
        return {"data": {"orders": {"nodes": [_large(row) for row in data["salesorders"]]}}}
    return {"data": {"order": _small(data["salesordersBysalesorderid"])}}


def _large(row: Answer) -> Answer:
    return {
        **_order(row),
        "account": {"name": row["customerid_account"]["name"]},
        "lines": {"nodes": [_line(line) for line in row["order_details"]]},
    }


def _small(row: Answer) -> Answer:
    return {
        **_order(row),
        "placedAt": row["createdon"],
        "customerReference": row["msdyn_customersorderreference"],
    }


def _order(row: Answer) -> Answer:
    return {
        "id": row["salesorderid"],
        "number": row["msdyn_salesordernumber"],
        "status": OrderStatus(row["msdyn_processingstatus"]).name,
        "total": {"amount": row["totalamount"]},
    }


def _line(row: Answer) -> Answer:
    return {
        "description": row["description"],
        "quantity": row["quantity"],
        "unitPrice": {"amount": row["priceperunit"]},
    }
