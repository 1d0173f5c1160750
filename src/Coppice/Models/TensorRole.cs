namespace Coppice.Models;

/// <summary>
/// What a tensor of a checkpoint is for. Layer roles are named with {layer}, expert roles with {expert} too; a bias belongs to the role
/// before it.
/// </summary>
internal enum TensorRole
{
    Embedding, PositionEmbedding, TokenTypeEmbedding, EmbeddingNorm, FinalNorm, Head,
    AttentionNorm, Query, Key, Value, FusedQkv, QueryNorm, KeyNorm, Output, PostAttentionNorm,
    MlpNorm, Gate, Up, FusedGateUp, Down, PostMlpNorm,
    Router, ExpertGate, ExpertUp, ExpertDown,
}
