"""Which of DuckDB's functions outsiders may call, by what they can do to a process that also takes telemetry in.

A query is stopped by interrupting it, and DuckDB looks for interrupts between blocks of some two thousand rows. So a
function may be called only if one block of it ends soon and its results are not much larger than what it is given:
everything else (`repeat`, `range` as a list, `list_sort`, `levenshtein`, `json_pretty`, ...) has been seen to run for
minutes after the interrupt, or to take gigabytes that `memory_limit` does not count. So has whatever reaches outside
the views: settings, the environment, other SQL. The list is one of permissions: what a later version adds is refused.
"""

from __future__ import annotations

from typing import Final

_OPERATORS: Final = "+ - * / // % ** ^ & | << >> ~ @ !__postfix ^@ @> <@ && <-> <=> ->> ~~ !~~ ~~* !~~* ~~~ ||"

_NUMBERS: Final = """
    abs acos acosh add asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees divide even exp
    factorial fdiv floor fmod gamma gcd greatest greatest_common_divisor isfinite isinf isnan lcm least
    least_common_multiple lgamma ln log log10 log2 mod multiply nextafter pi pow power radians random round round_even
    roundbankers sign signbit sin sinh sqrt subtract tan tanh trunc xor
"""

_TEXT: Final = """
    ascii base64 bin bit_length char_length character_length chr concat concat_ws contains decode encode ends_with
    format_bytes formatreadabledecimalsize formatreadablesize from_base64 from_hex hash hex instr lcase left len length
    length_grapheme lower ltrim md5 md5_number nfc_normalize octet_length ord parse_dirname parse_dirpath
    parse_filename parse_path position prefix regexp_escape regexp_extract regexp_extract_all regexp_full_match
    regexp_matches regexp_replace replace reverse right rtrim sha1 sha256 split split_part starts_with str_split
    string_split string_to_array strip_accents strlen strpos substr substring suffix to_base64 to_hex translate trim
    ucase unhex unicode upper url_decode url_encode
    like_escape not_like_escape ilike_escape not_ilike_escape lpad rpad repeat
"""

_TIMES: Final = """
    age ago century current_date current_localtime current_localtimestamp date_add date_diff date_part date_sub
    date_trunc datediff datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear days_in_month decade epoch
    epoch_ms epoch_ns epoch_us era get_current_time get_current_timestamp hour isodow isoyear julian last_day make_date
    make_time make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz microsecond millennium millisecond
    minute month monthname nanosecond normalized_interval now quarter second strftime strptime time_bucket timezone
    timezone_hour timezone_minute to_centuries to_days to_decades to_hours to_microseconds to_millennia to_milliseconds
    to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years today transaction_timestamp
    try_strptime week weekday weekofyear year yearweek
"""

_JSON: Final = """
    array_to_json json json_array json_array_length json_contains json_exists json_extract json_extract_path
    json_extract_path_text json_extract_string json_keys json_object json_quote json_structure json_type json_valid
    json_value row_to_json to_json
"""

_NESTED: Final = """
    apply array_append array_apply array_cat array_concat array_contains array_extract array_filter array_has
    array_has_all array_has_any array_indexof array_length array_position array_prepend array_push_back
    array_push_front array_reverse array_slice array_to_string array_to_string_comma_default array_transform
    array_value cardinality element_at filter flatten list_any_value list_append list_apply list_avg list_bool_and
    list_bool_or list_cat list_concat list_contains list_count list_element list_extract list_filter list_first
    list_has list_has_all list_has_any list_indexof list_last list_max list_min list_pack list_position list_prepend
    list_product list_reverse list_select list_slice list_string_agg list_sum list_transform list_value list_where
    list_zip map map_concat map_contains map_contains_entry map_contains_value map_entries map_extract
    map_extract_value map_from_entries map_keys map_values row struct_concat struct_extract struct_extract_at
    struct_insert struct_pack struct_update struct_values unnest unpivot_list
"""

_OTHER: Final = """
    alias constant_or_null error gen_random_uuid generate_series nullif pg_typeof range typeof union_extract
    union_tag union_value uuid uuidv4 uuidv7 version
"""

_AGGREGATES: Final = """
    any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last
    arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bool_and bool_or corr
    count count_if count_star countif covar_pop covar_samp entropy favg first fsum geomean geometric_mean group_concat
    histogram kahan_sum json_group_array json_group_object kurtosis kurtosis_pop last list listagg mad max max_by mean
    median min min_by mode product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept
    regr_r2 regr_slope regr_sxx regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp string_agg sum sumkahan
    var_pop var_samp variance wavg weighted_avg
"""

_GATHERING: Final = """
    array_agg group_concat histogram json_group_array json_group_object list listagg string_agg
"""

_RANKS: Final = """
    cume_dist dense_rank fill first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number
"""


def _names(*groups: str) -> frozenset[str]:
    return frozenset(name for group in groups for name in group.split())


FUNCTIONS: Final = _names(_OPERATORS, _NUMBERS, _TEXT, _TIMES, _JSON, _NESTED, _OTHER, _AGGREGATES)
"""What may be called in an expression."""

GATHERING: Final = _names(_GATHERING)
"""Aggregates whose result grows with the number of rows."""

WINDOW_FUNCTIONS: Final = _names(_RANKS, _AGGREGATES) - GATHERING
"""What may be called with OVER: a result that grows with the window would be built again for every row."""

TABLE_FUNCTIONS: Final = frozenset({"generate_series", "json_each", "json_tree", "range", "unnest"})
"""What may stand in FROM: nothing that reads anything but its arguments. They hand out rows in blocks."""

LAMBDA_FUNCTIONS: Final = _names(
    "apply array_apply array_filter array_transform filter list_apply list_filter list_transform"
)
"""What may be given a lambda."""

JOINING: Final = _names(
    "|| concat concat_ws list_value list_pack array_value struct_pack row json_array json_object list_concat list_cat",
    "array_concat array_cat list_append list_prepend array_append array_prepend array_push_back array_push_front",
    "struct_concat struct_insert struct_update map map_concat list_zip unpivot_list array_to_string list_string_agg",
    "array_to_string_comma_default to_json row_to_json array_to_json json_quote",
)
"""What makes one value out of all its arguments."""

TEXT_JOINING: Final = _names("|| concat concat_ws array_to_string list_string_agg array_to_string_comma_default")
"""What of these makes plain text."""

ESCAPING: Final = _names("to_json row_to_json array_to_json json_quote json_array json_object")
"""What may double a text by escaping it."""

EXPANDING: Final = {
    "base64": 2,
    "bin": 8,
    "hex": 2,
    "regexp_extract_all": 8,
    "split": 8,
    "str_split": 8,
    "string_split": 8,
    "string_to_array": 8,
    "to_base64": 2,
    "to_hex": 2,
    "url_encode": 3,
}
"""How many times larger than its text a result may be."""

REPLACEMENT: Final = {"replace": 2, "regexp_replace": 2}
"""The argument that may take the place of every character."""

PADDED_LENGTH: Final = {"lpad": 1, "rpad": 1, "repeat": 1}
"""The argument that says how long the result is."""

LISTING: Final = frozenset({"generate_series", "range"})
"""What makes a list as long as its arguments say, when not in FROM."""

FAST_PATTERNS: Final = _names("~~ !~~")
"""LIKE: linear where the pattern has no `_`, else as the slow ones."""

SLOW_PATTERNS: Final = _names("~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape")
"""Matching whose time is multiplied by the text's length with each further `%` or `*`."""

JSON_PATHS: Final = _names(
    "->> json_extract json_extract_path json_extract_path_text json_extract_string json_exists json_value json_type",
    "json_keys json_array_length",
)
"""What is given a JSON path as its second argument."""
