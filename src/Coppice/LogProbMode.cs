namespace Coppice;

/// <summary>Of which distribution log-probabilities are reported.</summary>
public enum LogProbMode
{
    /// <summary>The model's own: log-softmax of its logits before anything changes them.</summary>
    Raw,
    /// <summary>
    /// That from which the token was chosen: after constraint, bias, penalties, temperature and cuts. A banned token has -∞.
    /// </summary>
    Final,
}
