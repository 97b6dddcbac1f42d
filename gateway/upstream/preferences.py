"""The wishes of a read for its answer, the size of a page and a count -> headers of Dataverse."""

from collections.abc import Mapping
from functools import lru_cache

NO_HEADERS: Mapping[str, str] = {}
COUNT_ANNOTATIONS = (
    'odata.include-annotations="Microsoft.Dynamics.CRM.totalrecordcount,'
    'Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"'
)


@lru_cache
def preferred(*, counted: bool, page_size: int | None) -> Mapping[str, str]:
    """Annotations are asked for where they are read, as each lookup of each row brings two."""
    preferences = [COUNT_ANNOTATIONS] if counted else []
    if page_size is not None:
        preferences.append(f"odata.maxpagesize={page_size}")
    return {"Prefer": ",".join(preferences)} if preferences else NO_HEADERS
