"""The genuine protocols' ABIs and bytecode, read at run time from npm packages and never committed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trimtab.chain.abi import Abi
from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.world.node import default_node_modules

FETCH_HINT = "run `trimtab world fetch` (needs npm), or point --node-modules at a folder that has them"

# Folder of hardhat artifacts -> contracts in it. The file is <folder>/<name>.sol/<name>.json.
_CURIE = "@perp/curie-contract/artifacts/contracts"
_CURIE_LENS = "@perp/curie-deployments/optimism/periphery/artifacts/contracts/lens"
_GNOSIS = "@gnosis.pm/safe-contracts/build/artifacts/contracts"
_SAFE = "@safe-global/safe-contracts/build/artifacts/contracts"
_AAVE = "@aave/core-v3/artifacts/contracts"
_LYRA = "@lyrafinance/protocol/dist/artifacts/contracts"
_FOLDERS: Mapping[str, str] = {
    _CURIE: "AccountBalance BaseToken ClearingHouse ClearingHouseConfig CollateralManager DelegateApproval "
    "Exchange InsuranceFund MarketRegistry OrderBook QuoteToken Vault",
    "@perp/perp-oracle-contract/artifacts/contracts": "ChainlinkPriceFeedV2 ChainlinkPriceFeedV3 "
    "PriceFeedDispatcher",
    _CURIE_LENS: "PerpPortal Quoter Multicall2",
    # Two versions of one account: the older package names its contracts Gnosis.
    _GNOSIS: "GnosisSafe",
    f"{_GNOSIS}/proxies": "GnosisSafeProxyFactory",
    _SAFE: "Safe",
    f"{_SAFE}/proxies": "SafeProxyFactory",
    f"{_SAFE}/libraries": "MultiSendCallOnly",
    "@uniswap/v3-core/artifacts/contracts": "UniswapV3Factory UniswapV3Pool",
    "@uniswap/v3-periphery/artifacts/contracts": "NonfungiblePositionManager SwapRouter",
    f"{_AAVE}/mocks/tokens": "MintableERC20 WETH9Mocked",
    f"{_AAVE}/misc": "AaveOracle",
    f"{_AAVE}/protocol/configuration": "ACLManager PoolAddressesProvider",
    f"{_AAVE}/protocol/libraries/logic": "BorrowLogic BridgeLogic ConfiguratorLogic EModeLogic "
    "FlashLoanLogic LiquidationLogic PoolLogic SupplyLogic",
    f"{_AAVE}/protocol/pool": "DefaultReserveInterestRateStrategy Pool PoolConfigurator",
    f"{_AAVE}/protocol/tokenization": "AToken StableDebtToken VariableDebtToken",
    _LYRA: "LiquidityPool LiquidityToken OptionGreekCache OptionMarket OptionMarketPricer OptionToken "
    "ShortCollateral ShortPoolHedger SynthetixAdapter",
    f"{_LYRA}/libraries": "BlackScholes GWAV",
    f"{_LYRA}/periphery": "BasicFeeCounter BasicLiquidityCounter GWAVOracle KeeperHelper LyraRegistry "
    "OptionMarketViewer",
    f"{_LYRA}/periphery/Wrapper": "OptionMarketWrapper",
    f"{_LYRA}/test-helpers": "TestAddressResolver TestBlackScholes TestCollateralShort TestCurve "
    "TestDelegateApprovals TestERC20Fail TestExchangeRates TestExchanger TestSynthetixReturnZero",
}
_PATHS: Mapping[str, str] = {
    name: f"{folder}/{name}.sol/{name}.json" for folder, names in _FOLDERS.items() for name in names.split()
}
_TYPECHAIN = "@chainlink/contracts/ethers/v0.7/factories/MockV3Aggregator__factory.js"
_TYPECHAIN_ABI = "@chainlink/contracts/abi/v0.7/MockV3Aggregator.json"
_TYPECHAIN_CODE = re.compile(r'"0x(60[0-9a-f]{400,})"')
CONTRACTS: frozenset[str] = frozenset((*_PATHS, "MockV3Aggregator"))


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract. `code`: hex with library placeholders; `links`: each library's byte offsets."""

    name: str
    abi: Abi
    code: str
    links: Mapping[str, tuple[int, ...]]

    def creation_code(self, *args: Any, libraries: Mapping[str, Address] | None = None) -> bytes:
        """Linked bytecode with constructor arguments. Raises `ConfigError` when a library is not given."""
        return self.abi.constructor_data(self._linked(libraries or {}), *args)

    def _linked(self, libraries: Mapping[str, Address]) -> bytes:
        code = self.code
        for library, offsets in self.links.items():
            if library not in libraries:
                raise ConfigError(f"{self.name} links the library {library}, whose address was not given")
            for offset in offsets:
                start = 2 * offset
                code = code[:start] + libraries[library][2:] + code[start + 40 :]
        return bytes.fromhex(code)


class Artifacts:
    """Artifacts by contract name, out of one node_modules folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._loaded: dict[str, Artifact] = {}

    @classmethod
    def find(cls, node_modules: Iterable[Path] = ()) -> Artifacts:
        """The first folder that has every artifact: the given ones, else ./node_modules, the repository's,
        the user's cache. Raises `ConfigError` that names what is missing where, and the fix."""
        folders = list(dict.fromkeys((*node_modules, *default_node_modules())))
        reasons = []
        for folder in folders:
            absent = missing_files(folder)
            if not absent:
                return cls(folder)
            reasons.append(f"{folder}: {_summary(absent)}")
        raise ConfigError(
            "the contracts of Perp v2, Lyra, Safe, Aave and Uniswap are not here; "
            + FETCH_HINT
            + "\n"
            + "\n".join(reasons),
            key="node_modules",
        )

    def __getitem__(self, name: str) -> Artifact:
        """Raises `ConfigError` when the file is missing or damaged."""
        if name not in self._loaded:
            self._loaded[name] = _load(self.root, name)
        return self._loaded[name]

    def abi(self, name: str) -> Abi:
        return self[name].abi

    def entries(self, name: str) -> list[dict[str, Any]]:
        """The ABI as JSON entries, for other libraries. Raises `ConfigError` as `[name]` does."""
        self[name]  # missing or damaged: said there
        content = json.loads((self.root / _PATHS.get(name, _TYPECHAIN_ABI)).read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = content.get("compilerOutput", content)["abi"]
        return found

    def error_abis(self) -> tuple[Abi, ...]:
        """Every ABI that has custom errors, to decode a revert whichever contract threw it."""
        return tuple(abi for abi in (self.abi(name) for name in sorted(CONTRACTS)) if abi.errors)


def missing_files(root: Path, package: str = "") -> list[str]:
    """The artifact files that `root` lacks, of one package or of all."""
    needed = (*_PATHS.values(), _TYPECHAIN, _TYPECHAIN_ABI)
    return [path for path in needed if path.startswith(package) and not (root / path).is_file()]


def _summary(paths: list[str]) -> str:
    packages = sorted({"/".join(path.split("/")[:2]) for path in paths})
    return f"{len(paths)} files missing of {', '.join(packages)}"


@cache
def _load(root: Path, name: str) -> Artifact:
    try:
        if name == "MockV3Aggregator":
            return _load_typechain(root)
        content = json.loads((root / _PATHS[name]).read_text(encoding="utf-8"))
        links = {
            library: tuple(spot["start"] for spot in spots)
            for refs in content["linkReferences"].values()
            for library, spots in refs.items()
        }
        return Artifact(name, Abi.parse(content["abi"], name=name), _hex(content["bytecode"]), links)
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise ConfigError(
            f"the artifact {name} under {root} is missing or damaged ({type(error).__name__}: {error}); "
            "run `trimtab world fetch --force`",
            key="node_modules",
        ) from error


def _load_typechain(root: Path) -> Artifact:
    """Chainlink ships this mock's bytecode only inside a generated JavaScript factory."""
    found = _TYPECHAIN_CODE.search((root / _TYPECHAIN).read_text(encoding="utf-8"))
    if not found:
        raise ValueError("no bytecode in the typechain factory")
    abi = json.loads((root / _TYPECHAIN_ABI).read_text(encoding="utf-8"))["compilerOutput"]["abi"]
    return Artifact("MockV3Aggregator", Abi.parse(abi, name="MockV3Aggregator"), found[1], {})


def _hex(bytecode: str) -> str:
    code = bytecode.removeprefix("0x")
    if not code:
        raise ValueError("the artifact has no bytecode")
    return code
