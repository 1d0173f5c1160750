using Coppice.Kernels.Numerics;

namespace Coppice.Kernels.Gpu;

/// <summary>Where the weights of a matrix lie in device memory: row by row, a row being slots that one lane loads at a time.</summary>
/// <remarks>
/// F32, F16, BF16: a slot is a chunk of 8 consecutive weights. Quantised: a slot is 16 bytes of codes, 2 chunks of Q8 (q + 128 in a byte)
/// or 4 of Q4 (byte b of a chunk has code b in its lower and b + 4 in its upper half). Four slots are a unit of as many groups as a slot
/// has chunks: slot j of a unit holds quarter j of each, so that lanes side by side read neighbouring activations. After all rows come the
/// parameters, [outputs][group] scales of Q8 or pairs of scale and minimum of Q4. Rows are padded to whole slots and units with weights
/// that are finite, outputs to whole tiles, whose content does not matter.
/// Example: Q4 weight k = 171 is element 11 of group 5, so unit 1, chunk 1 of its slots. Element 11 is in quarter 1, so slot 1 · 4 + 1 = 5,
/// and element 3 of its chunk: the lower half of byte 16 · 5 + 4 · 1 + 3 = 87.
/// </remarks>
internal readonly struct GpuWeightLayout
{
    /// <summary>Weights of a chunk: what a lane multiplies at a time.</summary>
    internal const int Chunk = 8;
    /// <summary>Slots of a unit: chunks of a group.</summary>
    internal const int UnitSlots = QuantizedGroup.Size / Chunk;
    private const int RowTile = 8;

    internal GpuWeightLayout(int outputs, int inputs, MatrixFormat format)
    {
        ChunksOfSlot = format switch { MatrixFormat.Q8 => 2, MatrixFormat.Q4 => 4, _ => 1 };
        var groups = (inputs + QuantizedGroup.Size - 1) / QuantizedGroup.Size;
        var units = (groups + ChunksOfSlot - 1) / ChunksOfSlot;
        Slots = format.IsQuantized() ? units * UnitSlots : (inputs + Chunk - 1) / Chunk;
        RowBytes = Slots * (format == MatrixFormat.F32 ? 32 : 16);
        ParameterBytes = format switch { MatrixFormat.Q8 => units * 4, MatrixFormat.Q4 => units * 16, _ => 0 };
        PaddedOutputs = (outputs + RowTile - 1L) / RowTile * RowTile;
    }

    /// <summary>Chunks of a slot; of quantised formats also groups of a unit.</summary>
    internal int ChunksOfSlot { get; }
    /// <summary>Slots of a row.</summary>
    internal int Slots { get; }
    /// <summary>Bytes of a row of weights or codes.</summary>
    internal int RowBytes { get; }
    /// <summary>Bytes of a row's parameters.</summary>
    internal int ParameterBytes { get; }
    /// <summary>Rows there is room for: a kernel may read those after the last without a check.</summary>
    internal long PaddedOutputs { get; }
    /// <summary>Where the parameters begin.</summary>
    internal long ParameterOffset => PaddedOutputs * RowBytes;
    /// <summary>Bytes of it all.</summary>
    internal long Bytes => ParameterOffset + PaddedOutputs * ParameterBytes;
}
