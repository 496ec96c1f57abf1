"""All that the author of a claim module needs, and where it comes from."""

from elboproof.checking.ball import ball_at_most as ball_at_most
from elboproof.checking.ball import ball_equal as ball_equal
from elboproof.checking.ball import ball_positive as ball_positive
from elboproof.checking.claim import Check as Check
from elboproof.checking.claim import Claim as Claim
from elboproof.checking.claim import Control as Control
from elboproof.checking.claim import Hypothesis as Hypothesis
from elboproof.checking.claim import control as control
from elboproof.checking.enclosed import Between as Between
from elboproof.checking.floats import at_least as at_least
from elboproof.checking.floats import at_most as at_most
from elboproof.checking.floats import equal as equal
from elboproof.checking.order import ball_slope as ball_slope
from elboproof.checking.order import slope_equals as slope_equals
from elboproof.checking.order import tends_to as tends_to
from elboproof.checking.property import property_holds as property_holds
from elboproof.checking.routes import Route as Route
from elboproof.checking.routes import routes_agree as routes_agree
from elboproof.checking.run import Run as Run
from elboproof.checking.statistics import mean_at_least as mean_at_least
from elboproof.checking.statistics import mean_at_most as mean_at_most
from elboproof.checking.statistics import mean_equals as mean_equals
from elboproof.checking.symbolic import identity as identity
from elboproof.checking.unbounded import VarianceAtMost as VarianceAtMost
from elboproof.checking.verdict import Verdict as Verdict
from elboproof.checking.verdict import all_of as all_of
from elboproof.checking.verdict import by_hand as by_hand

_HOME: dict[str, str]
__all__: list[str]
