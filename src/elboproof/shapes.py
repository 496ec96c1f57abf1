"""Shapes in signatures: ``Float64[NDArray[np.float64], "N d"]`` is a float64 array with an axis N and an axis d.

The words are jaxtyping's: a name is one length in the whole signature, ``#N`` is N or 1, ``*Q`` is any number of
axes. They are checked in the test run only, by beartype through jaxtyping's import hook. The library depends on
neither and does not spend the time to import jaxtyping: unless it is loaded, each name gives the array type alone.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Annotated as Bool
    from typing import Annotated as Float
    from typing import Annotated as Float64
    from typing import Annotated as Int
    from typing import Annotated as Shaped
else:
    # Float64[array type, "N d"] is the array type itself: subscripting must cost nothing and import nothing
    class _Unchecked:
        def __class_getitem__(cls, array_and_shape: tuple[Any, str]) -> Any:
            return array_and_shape[0]

    # jaxtyping's own names if a test loaded it before this module; a user's run never does
    _checked = sys.modules.get("jaxtyping")
    Bool, Float, Float64, Int, Shaped = (
        getattr(_checked, name, _Unchecked) for name in ("Bool", "Float", "Float64", "Int", "Shaped")
    )

__all__ = ["Bool", "Float", "Float64", "Int", "Shaped"]
