using static Coppice.Kernels.Tiles.Code;

namespace Coppice.Kernels.Tiles;

/// <summary>
/// Tiles of one pattern: methods that keep some rows by some panels of a product in registers, which need names, so that no loop can
/// express them.
/// </summary>
internal abstract class TileFamily
{
    /// <summary>All that is written.</summary>
    public static IReadOnlyList<TileFamily> All { get; } =
        [new RowTiles(), new MatrixTiles(), new NibbleTiles(), new ByteTiles(), new CodeTiles()];

    /// <summary>The written file, from the root of the repository.</summary>
    public string Path => $"kernels/Coppice.Kernels/Ops/MatMul/Tiles/{GetType().Name}.Simd.cs";

    /// <summary>The whole file.</summary>
    public string Text => Text($$"""
        // Written by kernels/Coppice.Kernels.Tiles.
        using System.Runtime.CompilerServices;
        using Coppice.Kernels.Simd;

        namespace Coppice.Kernels;

        /// <summary>{{Summary}}</summary>
        internal sealed unsafe partial class SimdBackend<TLanes>
        {
            {{string.Join("\n\n", Methods)}}
        }

        """);

    /// <summary>What the tiles of the family are for.</summary>
    protected abstract string Summary { get; }

    /// <summary>The tiles, each with its documentation.</summary>
    protected abstract IEnumerable<string> Methods { get; }
}
