"""Data: a name becomes position-addressed batches.

Training reads an endless stream of examples by position: :meth:`Data.batch` of the same position and size gives the
same bytes always, so a run can be continued anywhere and there is no loader state to save.
"""

from zerosum.data.arrays import Arrays as Arrays
from zerosum.data.catalog import (
    CATALOG as CATALOG,
    open_data as open_data,
    own_of as own_of,
)
from zerosum.data.kinds import KINDS as KINDS, Kind as Kind
from zerosum.data.spec import Column as Column, Data as Data, DataSpec as DataSpec, Field as Field
from zerosum.data.splits import SPLITS as SPLITS
from zerosum.data.toys import GaussianMixture as GaussianMixture, Toy as Toy
from zerosum.data.transforms import (
    from_laplacian_pyramid as from_laplacian_pyramid,
    from_logits as from_logits,
    from_symmetric as from_symmetric,
    laplacian_pyramid as laplacian_pyramid,
    to_logits as to_logits,
    to_symmetric as to_symmetric,
)
