"""Host side of the rounds while they are measured: what the kernel gets and gives, and the meetings with the peer.

`host` is what an experiment holds, `meeting` what both nodes agree on between blocks, `talk` how they speak,
`progress` what may be shown, `run` the loop around the kernel.
"""

from postprocess.acquisition.acquisition_progress import AcquisitionProgress
from postprocess.acquisition.host import Acquisition
from postprocess.acquisition.meeting import Next

__all__ = ["Acquisition", "AcquisitionProgress", "Next"]
