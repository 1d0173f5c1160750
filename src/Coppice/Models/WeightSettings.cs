using Coppice.Kernels;
using Coppice.Weights;

namespace Coppice.Models;

/// <summary>How the matrices of a model are kept and computed with.</summary>
/// <param name="Format">What the user asks for.</param>
/// <param name="Activations">How products read their activations, where the format of the weights can have it.</param>
/// <param name="QuantizeVocabulary">Whether quantised formats hold for embedding and head too.</param>
internal readonly record struct WeightSettings(
    WeightFormat Format, ActivationFormat Activations = ActivationFormat.F32, bool QuantizeVocabulary = true)
{
    /// <summary>The format a matrix is kept in. As stored, parts of different types meet in F32, which holds them all.</summary>
    public MatrixFormat Of(MatrixPlan plan, Checkpoint checkpoint)
    {
        switch (Format)
        {
            case WeightFormat.F32: return MatrixFormat.F32;
            case WeightFormat.F16: return MatrixFormat.F16;
            case WeightFormat.BF16: return MatrixFormat.BF16;
            case WeightFormat.Q8 or WeightFormat.Q4 when plan.Use == MatrixUse.Layer
                || (plan.Use == MatrixUse.Vocabulary && QuantizeVocabulary):
                return Format == WeightFormat.Q8 ? MatrixFormat.Q8 : MatrixFormat.Q4;
        }
        var first = checkpoint.Tensors[plan.Parts[0].Name].ElementType;
        return plan.Parts.All(p => checkpoint.Tensors[p.Name].ElementType == first) ? first.ToMatrixFormat() : MatrixFormat.F32;
    }

    /// <summary>How products with a matrix of <paramref name="format"/> read their activations.</summary>
    public ActivationFormat Of(MatrixFormat format) => format.Takes(Activations) ? Activations : ActivationFormat.F32;
}
