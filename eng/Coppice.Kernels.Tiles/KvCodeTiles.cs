using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>Some queries by four codes of each 32-bit word of a compressed chunk.</summary>
internal sealed class KvCodeTiles : TileFamily
{
    private const int Codes = 4;
    private const string Parameters =
        "byte* words, long step, long ahead, int vectors, float* factors, long factorsApart, int shift, int bits, "
        + "float* sums, long sumsApart";
    private const string Constraint = " where TFactors : struct, IKvFactors<TLanes>";

    protected override string Folder => "Attention/Tiles";

    protected override string Summary =>
        "Sums of code times factor over vectors of 32-bit words: each accumulator is one chain over the vectors ascending.";

    protected override IEnumerable<string> Methods =>
        [Tile(1), Tile(2), Tile(3), Tile(4), Dispatch("KvCodesOf<TFactors>", "KvCodes", "<TFactors>", [3, 4, 1, 2], Parameters, Constraint)];

    private static string Tile(int queries) => Text($$"""
        /// <summary>
        /// {{queries}} {{(queries == 1 ? "query" : "queries")}} by the codes at bits <paramref name="shift"/> + 0 … 3 · <paramref name="bits"/> of every word:
        /// sums [4][16 lanes] = Σ factors [vectors][16 lanes] · code.
        /// </summary>
        /// <remarks>
        /// The second and third code keep their place in the word, which multiplies them by a power of two; that is exact, and so is
        /// dividing the sum by it.
        /// </remarks>
        [MethodImpl(Compiled.Alone)]
        private static void KvCodes{{queries}}<TFactors>({{Parameters}}){{Constraint}}
        {
            var mask = (1 << bits) - 1;
            TLanes m0 = TLanes.BroadcastInt(mask), m1 = TLanes.BroadcastInt(mask << bits), m2 = TLanes.BroadcastInt(mask << 2 * bits);
            {{Lines(queries, q => $"var f{q} = factors{(q == 0 ? "" : q == 1 ? " + factorsApart" : $" + {q} * factorsApart")};")}}
            {{Lines(queries, q => $"TLanes {List(Codes, c => $"s{q}{c} = TLanes.Zero")};")}}
            for (var i = 0; i < vectors; i++)
            {
                Prefetch(words + ahead);
                var w = TLanes.ShiftRight(TLanes.Load((float*)words), shift);
                TLanes c0 = TLanes.ToSingle(TLanes.And(w, m0)), c1 = TLanes.ToSingle(TLanes.And(w, m1));
                TLanes c2 = TLanes.ToSingle(TLanes.And(w, m2)), c3 = TLanes.ToSingle(TLanes.And(TLanes.ShiftRight(w, 3 * bits), m0));
                {{Lines(queries, Multiply)}}
                words += step;
            }
            TLanes d1 = TLanes.Broadcast(1f / (1 << bits)), d2 = TLanes.Broadcast(1f / (1 << 2 * bits));
            {{Lines(queries, Store)}}
        }
        """);

    private static string Multiply(int q) => Text($$"""
        var x{{q}} = TFactors.Load(f{{q}}, i);
        {{Statements(Codes, c => $"s{q}{c} = TLanes.FusedMultiplyAdd(x{q}, c{c}, s{q}{c});")}}
        """);

    private static string Store(int q) => Text($$"""
        TLanes.Store(s{{q}}0, sums + {{q}} * sumsApart); TLanes.Store(TLanes.Multiply(s{{q}}1, d1), sums + {{q}} * sumsApart + 16);
        TLanes.Store(TLanes.Multiply(s{{q}}2, d2), sums + {{q}} * sumsApart + 32); TLanes.Store(s{{q}}3, sums + {{q}} * sumsApart + 48);
        """);
}
