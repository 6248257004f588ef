"""The papers whose theorems are tested, and BibTeX of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper, or a book (`arxiv` and `journal` empty): `authors` as in the text of a citation, `names` as in BibTeX.

    `year` and `title` are those of the printed version, where there is one that a citation would name.
    """

    authors: str
    names: str
    title: str
    year: int
    arxiv: str = ""
    journal: str = ""

    def __str__(self) -> str:
        return f"{self.authors} {self.year}" + (f", arXiv {self.arxiv}" if self.arxiv else "")

    @property
    def key(self) -> str:
        """The BibTeX key: `marion2022scaling`, first author, year, first long word of the title."""
        surname = re.sub(r"\W", "", self.names.split(",")[0].split()[-1])
        word = next(w for w in re.findall(r"\w+", self.title) if len(w) > 3)
        plain = unicodedata.normalize("NFD", f"{surname}{self.year}{word}").encode("ascii", "ignore").decode()
        return plain.lower()

    @property
    def url(self) -> str:
        """Where it can be read; empty for a book."""
        return f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else ""

    def bibtex(self) -> str:
        """The entry, in ASCII: accents are spelt as BibTeX sorts them."""
        online = {"eprint": self.arxiv, "archivePrefix": "arXiv", "url": self.url} if self.arxiv else {}
        printed = {"journal": _spelt(self.journal)} if self.journal else {}
        title = f"{{{_spelt(self.title)}}}"
        fields = {"author": _spelt(self.names), "title": title, **printed, "year": str(self.year), **online}
        lines = [f"  {name:<13} = {{{value}}}" for name, value in fields.items()]
        kind = "article" if self.journal else "misc" if self.arxiv else "book"
        return f"@{kind}{{{self.key},\n" + ",\n".join(lines) + "\n}\n"


ACCENTS = {
    **{"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u0304": "=", "\u0307": "."},
    **{"\u030a": "r ", "\u030b": "H ", "\u030c": "v ", "\u0327": "c ", "\u0328": "k "},
}
"""TeX's accent by the combining character."""
_LETTERS = {"ø": r"{\o}", "Ø": r"{\O}", "ł": r"{\l}", "Ł": r"{\L}", "ß": r"{\ss}", "æ": r"{\ae}", "Æ": r"{\AE}"}


def bibliography(papers: Iterable[Paper]) -> str:
    """BibTeX of these papers, each once, by key."""
    return "\n".join(paper.bibtex() for paper in sorted(set(papers), key=lambda paper: paper.key))


def _spelt(text: str) -> str:
    """`Gérard` as `G{\\'e}rard`; a letter without a spelling stays as it is."""
    out = []
    for c in text:
        letter, *marks = unicodedata.normalize("NFD", c)
        known = len(marks) == 1 and marks[0] in ACCENTS
        out.append(f"{{\\{ACCENTS[marks[0]]}{letter}}}" if known else _LETTERS.get(c, c))
    return "".join(out)


THORPE = Paper(
    "Thorpe & van Gennip",
    "Thorpe, Matthew and van Gennip, Yves",
    "Deep limits of residual neural networks",
    2023,
    "1810.11741",
    "Research in the Mathematical Sciences",
)
HAYOU = Paper(
    "Hayou",
    "Hayou, Soufiane",
    "On the infinite-depth limit of finite-width neural networks",
    2022,
    "2210.00688",
)
HAIRER = Paper(
    "Hairer, Nørsett & Wanner",
    "Hairer, Ernst and Nørsett, Syvert P. and Wanner, Gerhard",
    "Solving ordinary differential equations I",
    1993,
)
HAGER = Paper(
    "Hager",
    "Hager, William W.",
    "Runge-Kutta methods in optimal control and the transformed adjoint system",
    2000,
    journal="Numerische Mathematik",
)
SANZ_SERNA = Paper(
    "Sanz-Serna",
    "Sanz-Serna, Jesús María",
    "Symplectic Runge-Kutta schemes for adjoint equations, automatic differentiation, optimal control, and more",
    2016,
    "1503.04021",
)
SANDER = Paper(
    "Sander, Ablin & Peyré",
    "Sander, Michael E. and Ablin, Pierre and Peyré, Gabriel",
    "Do residual neural networks discretize neural ordinary differential equations?",
    2022,
    "2205.14612",
)
MARION_SCALING = Paper(
    "Marion, Fermanian, Biau & Vert",
    "Marion, Pierre and Fermanian, Adeline and Biau, Gérard and Vert, Jean-Philippe",
    "Scaling ResNets in the large-depth regime",
    2022,
    "2206.06929",
)
COHEN = Paper(
    "Cohen, Cont, Rossier & Xu",
    "Cohen, Alain-Sam and Cont, Rama and Rossier, Alain and Xu, Renyuan",
    "Scaling properties of deep residual networks",
    2021,
    "2105.12245",
)
MARION_REGULARISATION = Paper(
    "Marion, Wu, Sander & Biau",
    "Marion, Pierre and Wu, Yu-Han and Sander, Michael E. and Biau, Gérard",
    "Implicit regularization of deep residual networks towards neural ODEs",
    2023,
    "2309.01213",
)
PELUCHETTI = Paper(
    "Peluchetti & Favaro",
    "Peluchetti, Stefano and Favaro, Stefano",
    "Doubly infinite residual neural networks: a diffusion process approach",
    2020,
    "2007.03253",
)
PELUCHETTI_DIFFUSIONS = Paper(
    "Peluchetti & Favaro",
    "Peluchetti, Stefano and Favaro, Stefano",
    "Infinitely deep neural networks as diffusion processes",
    2019,
    "1905.11065",
)
SCHOENHOLZ = Paper(
    "Schoenholz, Gilmer, Ganguli & Sohl-Dickstein",
    "Schoenholz, Samuel S. and Gilmer, Justin and Ganguli, Surya and Sohl-Dickstein, Jascha",
    "Deep information propagation",
    2016,
    "1611.01232",
)
YANG_RESIDUAL = Paper(
    "Yang & Schoenholz",
    "Yang, Greg and Schoenholz, Samuel S.",
    "Mean field residual networks: on the edge of chaos",
    2017,
    "1712.08969",
)
GILES = Paper("Giles", "Giles, Michael B.", "Multilevel Monte Carlo methods", 2013, "1304.5472")
XIONG = Paper(
    "Xiong et al.",
    "Xiong, Ruibin and Yang, Yunchang and He, Di and Zheng, Kai and Zheng, Shuxin and Xing, Chen and Zhang, Huishuai"
    " and Lan, Yanyan and Wang, Liwei and Liu, Tie-Yan",
    "On layer normalization in the Transformer architecture",
    2020,
    "2002.04745",
)
CHIZAT = Paper(
    "Chizat",
    "Chizat, Lénaïc",
    "The hidden width of deep ResNets: tight error bounds and phase diagrams",
    2025,
    "2509.10167",
)
JACOT = Paper(
    "Jacot, Gabriel & Hongler",
    "Jacot, Arthur and Gabriel, Franck and Hongler, Clément",
    "Neural tangent kernel: convergence and generalization in neural networks",
    2018,
    "1806.07572",
)
LEE_GAUSSIAN = Paper(
    "Lee et al.",
    "Lee, Jaehoon and Bahri, Yasaman and Novak, Roman and Schoenholz, Samuel S. and Pennington, Jeffrey"
    " and Sohl-Dickstein, Jascha",
    "Deep neural networks as Gaussian processes",
    2018,
    "1711.00165",
)
LEE_WIDE = Paper(
    "Lee et al.",
    "Lee, Jaehoon and Xiao, Lechao and Schoenholz, Samuel S. and Bahri, Yasaman and Novak, Roman"
    " and Sohl-Dickstein, Jascha and Pennington, Jeffrey",
    "Wide neural networks of any depth evolve as linear models under gradient descent",
    2019,
    "1902.06720",
)
OWHADI = Paper(
    "Owhadi",
    "Owhadi, Houman",
    "Do ideas have shape? Idea registration as the continuous limit of artificial neural networks",
    2020,
    "2008.03920",
)
ROUSSEAU = Paper(
    "Rousseau, Drumetz & Fablet",
    "Rousseau, François and Drumetz, Lucas and Fablet, Ronan",
    "Residual networks as flows of diffeomorphisms",
    2020,
    "1805.09585",
    "Journal of Mathematical Imaging and Vision",
)
BEHRMANN = Paper(
    "Behrmann, Grathwohl, Chen, Duvenaud & Jacobsen",
    "Behrmann, Jens and Grathwohl, Will and Chen, Ricky T. Q. and Duvenaud, David and Jacobsen, Jörn-Henrik",
    "Invertible residual networks",
    2019,
    "1811.00995",
)
GALIMBERTI = Paper(
    "Galimberti, Furieri, Xu & Ferrari-Trecate",
    "Galimberti, Clara Lucía and Furieri, Luca and Xu, Liang and Ferrari-Trecate, Giancarlo",
    "Hamiltonian deep neural networks guaranteeing non-vanishing gradients by design",
    2023,
    "2105.13205",
)
HAIRER_GEOMETRIC = Paper(
    "Hairer, Lubich & Wanner",
    "Hairer, Ernst and Lubich, Christian and Wanner, Gerhard",
    "Geometric numerical integration",
    2006,
)
KLOEDEN = Paper(
    "Kloeden & Platen",
    "Kloeden, Peter E. and Platen, Eckhard",
    "Numerical solution of stochastic differential equations",
    1992,
)
TALAY = Paper(
    "Talay & Tubaro",
    "Talay, Denis and Tubaro, Luciano",
    "Expansion of the global error for numerical schemes solving stochastic differential equations",
    1990,
    journal="Stochastic Analysis and Applications",
)
NEWMAN = Paper(
    "Newman",
    "Newman, Charles M.",
    "The distribution of Lyapunov exponents: exact results for random matrices",
    1986,
    journal="Communications in Mathematical Physics",
)
NORRIS = Paper(
    "Norris, Rogers & Williams",
    "Norris, James R. and Rogers, L. Chris G. and Williams, David",
    "Brownian motions of ellipsoids",
    1986,
    journal="Transactions of the American Mathematical Society",
)
HABER = Paper(
    "Haber & Ruthotto",
    "Haber, Eldad and Ruthotto, Lars",
    "Stable architectures for deep neural networks",
    2017,
    "1705.03341",
    "Inverse Problems",
)
JOSHI = Paper(
    "Joshi & Miller",
    "Joshi, Sarang C. and Miller, Michael I.",
    "Landmark matching via large deformation diffeomorphisms",
    2000,
    journal="IEEE Transactions on Image Processing",
)
ESTEVE = Paper(
    "Esteve, Geshkovski, Pighin & Zuazua",
    "Esteve, Carlos and Geshkovski, Borjan and Pighin, Dario and Zuazua, Enrique",
    "Large-time asymptotics in deep learning",
    2020,
    "2008.02491",
)
HOLM = Paper(
    "Holm & Marsden",
    "Holm, Darryl D. and Marsden, Jerrold E.",
    "Momentum maps and measure-valued solutions (peakons, filaments and sheets) for the EPDiff equation",
    2005,
    journal="The Breadth of Symplectic and Poisson Geometry",
)
MILLER = Paper(
    "Miller, Trouvé & Younes",
    "Miller, Michael I. and Trouvé, Alain and Younes, Laurent",
    "Geodesic shooting for computational anatomy",
    2006,
    journal="Journal of Mathematical Imaging and Vision",
)
MILNOR = Paper("Milnor", "Milnor, John", "Morse theory", 1963)
ARSIGNY = Paper(
    "Arsigny, Commowick, Pennec & Ayache",
    "Arsigny, Vincent and Commowick, Olivier and Pennec, Xavier and Ayache, Nicholas",
    "A log-Euclidean framework for statistics on diffeomorphisms",
    2006,
    journal="Medical Image Computing and Computer-Assisted Intervention",
)
WAGER = Paper(
    "Wager, Wang & Liang",
    "Wager, Stefan and Wang, Sida and Liang, Percy",
    "Dropout training as adaptive regularization",
    2013,
    "1307.1493",
    "Advances in Neural Information Processing Systems",
)
