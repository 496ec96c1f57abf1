"""placeholder"""

from elboproof.checking import Claim

claim = Claim("decoder-smoothness", title="The optimal decoder is smooth")
